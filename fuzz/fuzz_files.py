# SPDX-License-Identifier: Apache-2.0
"""Atheris harnesses for the Python side: any bytes as a file, or as a part of one.

``python fuzz/fuzz_files.py HARNESS [libFuzzer's options and corpora]``. Whatever the bytes are, there is a result or
an error of FrameDeflateError's family; anything else ends the run, as does more memory than libFuzzer's
``-rss_limit_mb``.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import atheris

with atheris.instrument_imports(include=["framedeflate"]):
    from framedeflate import FrameReader, engine
    from framedeflate._reference_items import read_item_values as plain_read_item_values
    from framedeflate._reference_scan import ElementScan as PlainElementScan
    from framedeflate._reference_scan import scan_items as plain_scan_items
    from framedeflate.byte_source import BytesSource, drive
    from framedeflate.data_set.deflated import inflate_data_set
    from framedeflate.data_set.element import replace_elements
    from framedeflate.data_set.encoding import to_explicit_little, to_implicit_little
    from framedeflate.errors import FrameDeflateError
    from framedeflate.frame_index import index_frames
    from framedeflate.functional_groups import FunctionalGroups
    from framedeflate.part10 import read_data_set_layout, read_file_meta, scan_data_set
    from framedeflate.verify import verify_source

ROWS: Final = (0x00280010, 0x00280011, 0x7FE00001, 0x7FE00002, 0x7FE00010)
PATHS: Final = ((0x00880200, 0x00280010, 2), (0x52009229, 0x00289110, 1), (0, 0x00280011, 2))
MAX_PROBLEMS: Final = 10_000


def part10(data: bytes) -> None:
    """File Meta Information, the walk over the Data Set, and the Image Pixel description."""
    source = BytesSource(data)
    meta = read_file_meta(source)
    layout = read_data_set_layout(source, meta, descend=bool(len(data) & 1))
    layout.image_pixel()


def items(data: bytes) -> None:
    """Items and offset tables: a Data Set of which the first byte says how many Frames it is to have."""
    source = BytesSource(data[1:])
    layout = drive(scan_data_set(0, source.nbytes, implicit_vr=False, big_endian=False), source)
    count = data[0] if data else 0
    index = drive(index_frames(layout, count, one_fragment_per_frame=count % 2 == 0), source)
    for number in range(len(index)):
        for start, stop in index.byte_ranges(number):
            assert 0 <= start <= stop <= source.nbytes, "a Fragment outside the file"


def reader(data: bytes) -> None:
    """Every Frame of a file, and the Fragment of each."""
    with FrameReader(BytesSource(data), strict=bool(len(data) & 1)) as frames:
        for number, frame in enumerate(frames, 1):
            assert frame.nbytes, "a Frame without a pixel"
            with suppress(FrameDeflateError):
                frames.fragment(frame_number=number)


def groups(data: bytes) -> None:
    """Ask what is said about the last Frame: alone it is what the arrays hold."""
    source = BytesSource(data)
    said = FunctionalGroups(source, read_data_set_layout(source, read_file_meta(source)))
    frame = said.frame_metadata(frame_number=said.number_of_frames)
    segments, tiles = said.segment_numbers, said.tile_positions
    assert (frame.segment_number or 0) == (0 if segments is None else segments[-1]), "another segment"
    assert (frame.tile_position or (0, 0)) == ((0, 0) if tiles is None else tuple(tiles[-1])), "another tile"
    with suppress(FrameDeflateError):
        said.frames_for(segment=1)
    positions = said.image_positions
    assert frame.image_position == (
        None if positions is None or positions[-1, 0] != positions[-1, 0] else tuple(positions[-1])
    ), "another position"
    assert all(number >= 0 for number in said.segments), "a segment that cannot be"


def verify(data: bytes) -> None:
    """Every problem of a file."""
    for number, _problem in enumerate(verify_source(BytesSource(data))):
        if number > MAX_PROBLEMS:
            return


def scan(data: bytes) -> None:
    """Hold the core's walks against the reference's."""
    flags, window = (data[0], data[1:]) if data else (0, b"")
    options = {"implicit_vr": bool(flags & 1), "big_endian": bool(flags & 2), "descend": bool(flags & 4)}
    start, wanted = flags & 8, frozenset(ROWS)
    ours = engine.ElementScan(start=start, stop=start + len(window), wanted=wanted, **options)
    plain = PlainElementScan(start=start, stop=start + len(window), wanted=wanted, **options)
    for walk in (ours, plain):
        walk.feed(window, start)
    found = (ours.status, ours.resume, ours.defect_position, ours.records)
    expected = (plain.status, plain.resume, plain.defect_position, plain.records)
    assert found == expected, f"the walks differ: {found} {expected}"
    # As if the Data Set began with the Items of a sequence: behind its header, or so.
    for at in (0, 8, 12):
        values, plain_values = (
            read(
                window[at:],
                paths=PATHS,
                max_items=5,
                implicit_vr=bool(flags & 1),
                big_endian=bool(flags & 2),
                delimited=bool(flags & 4),
                last=bool(flags & 16),
            )
            for read in (engine.read_item_values, plain_read_item_values)
        )
        assert values == plain_values, f"the values differ: {values} {plain_values}"
    assert tuple(engine.scan_items(window, start)) == tuple(plain_scan_items(window, start)), "Items differ"


def rewrite(data: bytes) -> None:
    """Write a Data Set anew in another encoding and with an element replaced; inflate one (PS3.5 A.5)."""
    flags, data_set = (data[0], data[1:]) if data else (0, b"")
    with suppress(FrameDeflateError):
        explicit = to_explicit_little(data_set, implicit_vr=bool(flags & 1), big_endian=bool(flags & 2))
        # What was written is whole, and in the encoding that was asked for: it can be read again.
        to_implicit_little(explicit)
        replace_elements(explicit, {0x00280010: (b"US", b"\1\0"), 0x00080005: (b"", b"")})
    blocks = [data_set]
    inflate_data_set(
        lambda _nbytes: blocks.pop() if blocks else b"", lambda _block: None, limit_nbytes=1 << 22
    )


HARNESSES: Final[dict[str, Callable[[bytes], None]]] = {
    harness.__name__: harness for harness in (groups, items, part10, reader, rewrite, scan, verify)
}


def main() -> None:
    """Run the harness that the command line names."""
    harness = HARNESSES[sys.argv.pop(1)]

    def run(data: bytes) -> None:
        with suppress(FrameDeflateError):
            harness(data)

    atheris.Setup(sys.argv, run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
