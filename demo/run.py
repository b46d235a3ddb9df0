# SPDX-License-Identifier: Apache-2.0
"""Compress real DICOM files, check them with tools that know nothing of framedeflate, and show them."""

import sys
from dataclasses import dataclass
from pathlib import Path

import atlas
import independent
from pydicom.data import get_testdata_file
from rich import box
from rich.console import Console
from rich.table import Table

from framedeflate import TranscodeResult, compress_file, decompress_file, engine, verify_file
from framedeflate.cli.contact_sheet import Tile, draw_sheet
from framedeflate.cli.file_facts import read_facts
from framedeflate.cli.render import tiles_of
from framedeflate.cli.report import human_nbytes, ratio_text
from framedeflate.pictures.png import encode_png

OUTPUT = Path("demo-output")
ATLAS = "brain_atlas.dcm"

PYDICOM_FILES = (
    ("CT_small.dcm", "CT, 16 bit"),
    ("examples_rgb_color.dcm", "ultrasound, RGB"),
    ("examples_palette.dcm", "ultrasound, palette"),
    ("SC_ybr_full_422_uncompressed.dcm", "colour bars, YBR"),
    ("rtdose.dcm", "RT dose, 32 bit"),
    ("liver_1frame.dcm", "segmentation, 1 bit"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One compressed file.

    Attributes
    ----------
    kind : str
        What the file holds.
    result : TranscodeResult
        What came of it.
    is_proven : bool
        Whether the independent judge found every bit again, and the file inflates back to its source's pixels.
    problems : int
        Departures from the standard that were not in the source already.
    """

    kind: str
    result: TranscodeResult
    is_proven: bool
    problems: int


def main() -> int:
    """Run the demo; 0 where everything was proven."""
    is_terminal = sys.stdout.isatty()
    console = Console(width=None if is_terminal else 120, highlight=False)
    sources = OUTPUT / "source"
    sources.mkdir(parents=True, exist_ok=True)
    console.print(f"framedeflate, {engine.name} engine\n")
    console.print("writing a brain segmentation with highdicom ...", style="dim")
    atlas.write_atlas(sources / ATLAS)
    rows = [_compress(_pydicom_file(name), kind) for name, kind in PYDICOM_FILES]
    rows.append(_compress(sources / ATLAS, "segmentation, 1 bit"))
    console.print(_table(rows, is_terminal=is_terminal))
    _print_access(console, rows[-1].result)
    sheet = OUTPUT / "contact-sheet.png"
    sheet.write_bytes(_contact_sheet(rows))
    console.print(f"\ncontact sheet     {sheet}\ndeflated files    {OUTPUT}/*.dcm\n")
    console.print(
        f"Public data: test files of pydicom (MIT licence, in its wheel); {atlas.CREDIT}.",
        style="dim",
    )
    failed = [row.result.source.name for row in rows if not row.is_proven or row.problems]
    if failed:
        console.print(f"NOT PROVEN: {', '.join(failed)}", style="bold red")
    return 1 if failed else 0


def _pydicom_file(name: str) -> Path:
    # No download: the demo runs on what the wheel holds.
    path = get_testdata_file(name, download=False)
    if path is None:
        raise SystemExit(f"the installed pydicom does not hold {name}")
    return Path(path)


def _compress(source: Path, kind: str) -> Row:
    destination = OUTPUT / source.name
    result = compress_file(source, destination, threads=0, overwrite=True)
    is_proven = independent.same_pixels(source, destination) and _comes_back(source, destination)
    # The source's own faults, such as another SOP Instance UID in its File Meta Information, stay its own.
    problems = [
        problem for problem in verify_file(destination) if problem.kind != "media-storage-sop-instance-uid"
    ]
    return Row(kind, result, is_proven, len(problems))


def _comes_back(source: Path, deflated: Path) -> bool:
    """Whether the deflated file inflates to native Pixel Data equal to the source's."""
    back = OUTPUT / "source" / f"inflated-{source.name}"
    decompress_file(deflated, back, overwrite=True)
    equal = independent.same_native(source, back)
    back.unlink()
    return equal


def _table(rows: list[Row], *, is_terminal: bool) -> Table:
    table = Table(box=box.ROUNDED if is_terminal else box.SIMPLE, show_footer=True)
    native = sum(row.result.native_nbytes for row in rows)
    deflated = sum(row.result.deflated_nbytes for row in rows)
    table.add_column("file", "total", overflow="fold")
    table.add_column("kind")
    table.add_column(
        "frames", str(sum(row.result.number_of_frames for row in rows)), justify="right", no_wrap=True
    )
    table.add_column("native", human_nbytes(native), justify="right", no_wrap=True)
    table.add_column("deflated", human_nbytes(deflated), justify="right", no_wrap=True)
    table.add_column("ratio", ratio_text(native, deflated), justify="right", no_wrap=True)
    table.add_column(
        "seconds", f"{sum(row.result.seconds for row in rows):.2f}", justify="right", no_wrap=True
    )
    table.add_column("checked", "yes" if all(row.is_proven for row in rows) else "NO")
    for row in rows:
        result = row.result
        table.add_row(
            result.source.name,
            row.kind,
            str(result.number_of_frames),
            human_nbytes(result.native_nbytes),
            human_nbytes(result.deflated_nbytes),
            ratio_text(result.native_nbytes, result.deflated_nbytes),
            f"{result.seconds:.3f}",
            "yes" if row.is_proven else "NO",
        )
    return table


def _print_access(console: Console, result: TranscodeResult) -> None:
    """Show what one frame costs to read."""
    facts = read_facts(str(result.destination))
    number, _, nbytes = list(facts.frames())[result.number_of_frames // 2]
    console.print(
        "checked: Python's zlib inflated every frame and numpy compared it bit by bit with the source; then the whole "
        "file was inflated and compared."
    )
    console.print(
        f"one frame alone: frame {number} of {result.destination.name} is {nbytes} bytes to read, "
        f"out of {human_nbytes(facts.file_nbytes)}."
    )


def _contact_sheet(rows: list[Row]) -> bytes:
    tiles: list[Tile] = []
    for row in rows:
        result = row.result
        is_atlas = result.source.name == ATLAS
        ratio = ratio_text(result.native_nbytes, result.deflated_nbytes)
        drawn = tiles_of(result.destination, count=18 if is_atlas else 1, merge=is_atlas)
        tiles += drawn if is_atlas else [Tile(tile.picture, row.kind, ratio) for tile in drawn]
    title = "framedeflate"
    subtitle = "read back from the deflated files; the brain: one colour per segment, all segments of a slice together"
    return encode_png(draw_sheet(tiles, title=title, subtitle=subtitle, tile_size=192, per_row=6))


if __name__ == "__main__":
    sys.exit(main())
