# SPDX-License-Identifier: Apache-2.0
"""Draws docs/pictures/bytes.svg: Pixel Data of a small file that `compress_file` wrote, every byte in its place.

    python site/byte_diagram.py

Three Frames of 16 by 16 bits, so small that nothing need be left out. Each byte says in the picture's source where in
the file it stands, by which tests/test_byte_diagram.py holds it against pydicom and zlib.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MultiFrameSingleBitSecondaryCaptureImageStorage

from framedeflate import compress_file

PICTURE: Final = Path(__file__).parents[1] / "docs/pictures/bytes.svg"
SIDE: Final = 16

_PER_ROW: Final = 12
_CELL, _ROW, _GAP, _LEFT, _TOP = 27, 26, 9, 142, 64
_PLACES: Final = 76
_WORDS: Final = _LEFT + _PER_ROW * _CELL + 14
_WIDTH: Final = 852

_STYLE: Final = """
.ground{fill:#f6f8f9}
text{fill:#1a1f24;font:12.5px system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.byte,.place{font-family:ui-monospace,"SF Mono","DejaVu Sans Mono",Menlo,Consolas,monospace}.byte{text-anchor:middle}
.place{text-anchor:end;fill:#56606a}.head{fill:#56606a;font-size:11.5px}
.tag{fill:#bfe3ea}.length{fill:#f7dfae}.offset{fill:#d9ccf3}.stream{fill:#c9e8cf}.pad{fill:#f6c3bb}
.on{fill:#0b6574}.off{fill:#e3e9ec}
@media (prefers-color-scheme:dark){.ground{fill:#1d2125}text{fill:#e6e9ec}.place,.head{fill:#a3adb6}
.tag{fill:#17505c}.length{fill:#6b4f12}.offset{fill:#4a3a78}.stream{fill:#1f5a31}.pad{fill:#7d2a20}
.on{fill:#6fcbd9}.off{fill:#2c3339}}
""".replace("\n", "")


@dataclass(frozen=True)
class Row:
    """Bytes that stand in one line of the picture.

    Attributes
    ----------
    position : int
        Of the first, from the start of the file.
    kinds : tuple of str
        What each byte is: tag, length, offset, stream or pad.
    words : str
        What they mean.
    offset : int or None
        Of an Item of a Frame: as the Basic Offset Table counts.
    frame : int
        Whose picture begins beside this row, from 1; 0 for none.
    """

    position: int
    kinds: tuple[str, ...]
    words: str
    offset: int | None = None
    frame: int = 0


def frames() -> NDArray[np.bool_]:
    """Return a ring, a bar and a corner: shape (3, 16, 16)."""
    y, x = np.mgrid[:SIDE, :SIDE]
    distance = (y - 7.5) ** 2 + (x - 7.5) ** 2
    bar = (y > 2) & (y < 13) & (x > 3) & (x < 12)
    return np.stack([(distance < 49) & (distance > 16), bar, (x < 8) & (y < 8)])


def write_file(folder: Path) -> bytes:
    """Return a deflated file: written native by pydicom, then compressed."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = MultiFrameSingleBitSecondaryCaptureImageStorage
    dataset.SOPInstanceUID = "2.25.1"
    dataset.Rows = dataset.Columns = SIDE
    dataset.NumberOfFrames = len(frames())
    dataset.BitsAllocated = dataset.BitsStored = dataset.SamplesPerPixel = 1
    dataset.HighBit = dataset.PixelRepresentation = 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = np.packbits(frames().ravel(), bitorder="little").tobytes()
    dataset["PixelData"].VR = "OB"
    dcmwrite(folder / "native.dcm", dataset, enforce_file_format=True)
    compress_file(folder / "native.dcm", folder / "deflated.dcm")
    return (folder / "deflated.dcm").read_bytes()


def rows_of(file: bytes) -> Iterator[Row]:
    """Yield the rows of the file's Pixel Data, which stands at its end."""
    start = file.rindex(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff")
    yield Row(
        start,
        ("tag",) * 4 + ("length",) * 8,
        "Pixel Data (7FE0,0010), OB, undefined length",
    )
    position = start + 12
    table_nbytes = _length(file, position)
    yield Row(position, ("tag",) * 4 + ("length",) * 4, f"Item: Basic Offset Table, {table_nbytes} bytes")
    position += 8
    offsets = [_length(file, position - 4 + 4 * index) for index in range(table_nbytes // 4)]
    yield Row(position, ("offset",) * table_nbytes, f"the Frames' Items: {_listed(offsets)}")
    position += table_nbytes
    first = position
    number = 0
    while file[position : position + 4] == b"\xfe\xff\x00\xe0":
        number += 1
        nbytes = _length(file, position)
        yield Row(
            position,
            ("tag",) * 4 + ("length",) * 4,
            f"Item: Frame {number}, {nbytes} bytes",
            offset=position - first,
            frame=number,
        )
        position += 8
        inflater = zlib.decompressobj(wbits=-15)
        native = inflater.decompress(file[position : position + nbytes])
        padded = len(inflater.unused_data)
        kinds = ("stream",) * (nbytes - padded) + ("pad",) * padded
        words = f"DEFLATE: {nbytes - padded} bytes for {len(native)}" + (", and a pad" if padded else "")
        for index in range(0, nbytes, _PER_ROW):
            yield Row(position + index, kinds[index : index + _PER_ROW], "" if index else words)
        position += nbytes
    yield Row(position, ("tag",) * 4 + ("length",) * 4, "Sequence Delimitation Item")


def _length(file: bytes, position: int) -> int:
    return int.from_bytes(file[position + 4 : position + 8], "little")


def _listed(offsets: list[int]) -> str:
    return ", ".join(map(str, offsets))


def picture_of(file: bytes) -> str:
    """Return the picture."""
    rows = list(rows_of(file))
    # A gap before each Frame, and before what ends them.
    begins = [index for index, row in enumerate(rows) if row.frame or index == len(rows) - 1]
    places = [_TOP + index * _ROW + _GAP * sum(at <= index for at in begins) for index in range(len(rows))]
    height = places[-1] + 62
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
            f'width="{_WIDTH}" height="{height}">',
            "<!-- SPDX-License-Identifier: Apache-2.0; drawn by site/byte_diagram.py -->",
            f"<style>{_STYLE}</style>",
            f'<rect class="ground" width="{_WIDTH}" height="{height}" rx="8"/>',
            f'<text class="head" x="{_PLACES}" y="34" text-anchor="end">in the file</text>',
            f'<text class="head" x="{_LEFT - 12}" y="34" text-anchor="end">offset</text>',
            *(line for row, y in zip(rows, places, strict=True) for line in _row(file, row, y)),
            *_legend(height - 22),
            "</svg>\n",
        ]
    )


def _row(file: bytes, row: Row, y: int) -> Iterator[str]:
    yield f'<text class="place" x="{_PLACES}" y="{y}">{row.position}</text>'
    if row.offset is not None:
        width = 14 + 8 * len(str(row.offset))
        yield f'<rect class="offset" x="{_LEFT - 5 - width}" y="{y - 16}" width="{width}" height="22" rx="3"/>'
        yield f'<text class="place" x="{_LEFT - 12}" y="{y}">{row.offset}</text>'
    for index, kind in enumerate(row.kinds):
        x, at = _LEFT + index * _CELL, row.position + index
        yield f'<rect class="{kind}" x="{x}" y="{y - 16}" width="{_CELL - 2}" height="22" rx="3"/>'
        yield f'<text class="byte" x="{x + _CELL / 2 - 1}" y="{y}" data-position="{at}">{file[at]:02X}</text>'
    if row.words:
        yield f'<text x="{_WORDS}" y="{y}">{row.words}</text>'
    if row.frame:
        yield from _thumbnail(frames()[row.frame - 1], _WIDTH - 68, y - 16, row.frame)


def _thumbnail(frame: NDArray[np.bool_], x: int, y: int, number: int) -> Iterator[str]:
    size = 3
    lit = "".join(
        f"M{x + column * size} {y + row * size}h{size}v{size}h-{size}z" for row, column in np.argwhere(frame)
    )
    yield f'<rect class="off" x="{x}" y="{y}" width="{SIDE * size}" height="{SIDE * size}"/>'
    yield f'<path class="on" data-frame="{number}" shape-rendering="crispEdges" d="{lit}"/>'


def _legend(y: int) -> Iterator[str]:
    x = _LEFT
    for kind, words in (
        ("tag", "tag"),
        ("length", "VR, length"),
        ("offset", "offset"),
        ("stream", "raw DEFLATE stream (RFC 1951)"),
        ("pad", "NULL to an even length"),
    ):
        yield f'<rect class="{kind}" x="{x}" y="{y - 11}" width="14" height="14" rx="3"/>'
        yield f'<text class="head" x="{x + 20}" y="{y}">{words}</text>'
        x += 36 + round(6.4 * len(words))


def main() -> None:
    """Draw the picture anew."""
    with TemporaryDirectory() as folder:
        PICTURE.write_text(picture_of(write_file(Path(folder))), encoding="utf-8")


if __name__ == "__main__":
    main()
