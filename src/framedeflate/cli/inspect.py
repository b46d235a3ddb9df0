# SPDX-License-Identifier: Apache-2.0
"""``framedeflate inspect``: what a file is and where its bytes are."""

import argparse

from framedeflate.cli.exit_codes import ExitCode
from framedeflate.cli.file_facts import FileFacts, read_facts, transfer_syntax_name
from framedeflate.cli.report import human_nbytes, print_json, ratio_text

__all__ = ["run"]


def run(namespace: argparse.Namespace) -> ExitCode:
    """Print the facts of one file."""
    facts = read_facts(namespace.file)
    if namespace.json:
        print_json(facts.as_json(with_frames=namespace.frames))
        return ExitCode.OK
    for label, text in _lines(facts):
        print(f"{label:<19} {text}")
    if namespace.frames:
        _print_frames(facts)
    return ExitCode.OK


def _lines(facts: FileFacts) -> list[tuple[str, str]]:
    lines = [
        ("file", f"{facts.path}, {human_nbytes(facts.file_nbytes)}"),
        ("kind", facts.kind),
        (
            "transfer syntax",
            f"{transfer_syntax_name(facts.transfer_syntax_uid)} ({facts.transfer_syntax_uid})",
        ),
    ]
    pixel = facts.image_pixel
    if pixel is None:
        none = "" if "deflated_data_set" in facts.layout else "none: "
        lines.append(("frames", f"{none}{facts.why_no_image}"))
        return lines
    samples = f"{pixel.samples_per_pixel} samples of " if pixel.samples_per_pixel > 1 else ""
    sign = "signed " if pixel.pixel_representation else ""
    lines += [
        ("frames", f"{pixel.number_of_frames} of {pixel.rows} x {pixel.columns}"),
        (
            "pixels",
            f"{samples}{pixel.bits_allocated} bits ({pixel.bits_stored} used), "
            f"{sign}{pixel.photometric_interpretation}",
        ),
        ("native", f"{human_nbytes(pixel.native_nbytes)}, {pixel.frame_nbytes} bytes a frame"),
    ]
    if facts.index is not None and len(facts.index.fragments):
        sizes = facts.index.fragments.lengths
        lines += [
            (
                "encoded",
                f"{human_nbytes(facts.encoded_nbytes)}, {ratio_text(pixel.native_nbytes, facts.encoded_nbytes)}",
            ),
            (
                "fragments",
                f"{min(sizes)} to {max(sizes)} bytes, {facts.encoded_nbytes // len(sizes)} on average",
            ),
        ]
    lines.append(("offset table", facts.offset_table))
    lines += [
        (f"  {name.replace('_', ' ')}", f"{human_nbytes(nbytes):>9}  {nbytes / facts.file_nbytes:6.1%}")
        for name, nbytes in facts.layout.items()
    ]
    lines += [("problem", problem.message) for problem in facts.problems]
    return lines


def _print_frames(facts: FileFacts) -> None:
    print()
    print(f"{'frame':>8} {'position':>12} {'bytes':>10} {'ratio':>9}")
    native_nbytes = 0 if facts.image_pixel is None else facts.image_pixel.frame_nbytes
    for number, position, nbytes in facts.frames():
        ratio = ratio_text(native_nbytes, nbytes)
        print(f"{number:>8} {position:>12} {nbytes:>10} {ratio:>9}")
