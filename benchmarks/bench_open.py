# SPDX-License-Identifier: Apache-2.0
"""A file of 20 000 Frames, each with an Item of undefined length that says where it belongs: how soon it is open.

Items as highdicom writes those of a Segmentation: dimension indices, the source image with two codes, plane, segment.
Compared with pydicom: opening with finding Pixel Data; and with segment and plane of every Frame. Beside it, one
Frame's pixels with what is said about it, from an open file. Both take turns in one process; each figure is the median
of the rounds' processor times. What is found is compared with what was written before anything is timed.

    python benchmarks/bench_open.py
    python benchmarks/bench_open.py --quick    60 Frames, one round
    python benchmarks/bench_open.py --only open
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pydicom

from command import Options, run
from framedeflate import FrameReader
from interleave import WrongResultError, take_turns
from open_tables import opening

__all__ = ["main", "measure"]

_COUNT: Final = 20_000
_QUICK_COUNT: Final = 60
_PLANES: Final = 20
_SIDE: Final = 64
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM: Final = struct.pack("<HHI", 0xFFFE, 0xE000, _UNDEFINED)
_ITEM_END: Final = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
_SEQUENCE_END: Final = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def measure(options: Options) -> dict[str, Any]:
    """Return the milliseconds of both, by task."""
    count = _QUICK_COUNT if options.quick else _COUNT
    with TemporaryDirectory() as folder:
        path = Path(folder) / "segmentation.dcm"
        path.write_bytes(_file(count))
        with FrameReader.open(path) as reader:
            tasks = _tasks(path, reader)
            return {
                "count": count,
                "file_nbytes": path.stat().st_size,
                "tasks": {
                    name: take_turns(
                        tasks[name], _check(count), options.rounds, least_seconds=options.least_seconds
                    )
                    for name in options.chosen(list(tasks))
                },
            }


def _tasks(path: Path, reader: FrameReader) -> dict[str, dict[str, Callable[[], Any]]]:
    """Return what is timed: each gives what `_check` knows."""
    reader.frame_metadata(frame_number=1)
    numbers = iter(range(1 << 62))

    def ours_open() -> Any:
        with FrameReader.open(path) as opened:
            return len(opened)

    def theirs_open() -> Any:
        return int(pydicom.dcmread(path, stop_before_pixels=True).NumberOfFrames)

    def ours_all() -> Any:
        with FrameReader.open(path) as opened:
            groups = opened.functional_groups
            positions = groups.image_positions
            return groups.segment_numbers, None if positions is None else positions[:, 2]

    def theirs_all() -> Any:
        items = pydicom.dcmread(path, stop_before_pixels=True).PerFrameFunctionalGroupsSequence
        segments = [item.SegmentIdentificationSequence[0].ReferencedSegmentNumber for item in items]
        positions = [
            [float(part) for part in item.PlanePositionSequence[0].ImagePositionPatient] for item in items
        ]
        return np.array(segments), np.array(positions)[:, 2]

    def ours_one() -> Any:
        number = next(numbers) * 7919 % len(reader) + 1
        said = reader.frame_metadata(frame_number=number)
        return number, said.segment_number, int(reader[number - 1].sum())

    return {
        "open": {"ours": ours_open, "pydicom": theirs_open},
        "segment and plane of all": {"ours": ours_all, "pydicom": theirs_all},
        "one Frame and what is said about it, once open": {"ours": ours_one},
    }


def _check(count: int) -> Callable[[str, Any], None]:
    """Return what compares a result with what was written."""
    segments, planes = np.divmod(np.arange(count), _PLANES)

    def check(name: str, found: Any) -> None:
        if isinstance(found, int):
            right = found == count
        elif len(found) == 2:
            right = np.array_equal(found[0], segments + 1) and np.array_equal(found[1], planes * 2.5)
        else:
            number, segment, total = found
            right = (segment, total) == (segments[number - 1] + 1, (number - 1) % 200)
        if not right:
            raise WrongResultError(f"{name}: this is not what the file says")

    return check


def _file(count: int) -> bytes:
    """Return a deflated Segmentation of so many Frames."""
    numbers = {
        0x00280002: 1,
        0x00280010: _SIDE,
        0x00280011: _SIDE,
        0x00280100: 8,
        0x00280101: 8,
        0x00280102: 7,
        0x00280103: 0,
    }
    fields = {
        0x00080016: ("UI", b"1.2.840.10008.5.1.4.1.1.66.4"),
        0x00080018: ("UI", b"2.25.1234567890"),
        0x00280004: ("CS", b"MONOCHROME2"),
        0x00280008: ("IS", str(count).encode()),
        0x00620001: ("CS", b"FRACTIONAL"),
        **{tag: ("US", struct.pack("<H", number)) for tag, number in numbers.items()},
    }
    meta = _element(0x00020010, "UI", b"1.2.840.10008.1.2.8.1")
    group = _element(0x00020000, "UL", struct.pack("<I", len(meta)))
    head = b"".join(_element(tag, *field) for tag, field in sorted(fields.items()))
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, _UNDEFINED) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0
    )
    items = _sequence(0x52009230, *(_item(index) for index in range(count)))
    return b"".join(
        [bytes(128), b"DICM", group, meta, head, items, pixels, *_fragments(count), _SEQUENCE_END]
    )


def _item(index: int) -> bytes:
    """Return what stands in a Frame's Item."""
    segment, plane = divmod(index, _PLANES)
    code = _element(0x00080100, "SH", b"121322") + _element(0x00080102, "SH", b"DCM")
    code += _element(0x00080104, "LO", b"Source image for image processing operation")
    source = _element(0x00081150, "UI", b"1.2.840.10008.5.1.4.1.1.2") + _element(
        0x00081155, "UI", b"2.25.%039d" % plane
    )
    position = b"-249.51171875\\-437.51171875\\%.1f" % (plane * 2.5)
    return (
        _sequence(
            0x00089124,
            _sequence(0x00082112, source + _sequence(0x0040A170, code)) + _sequence(0x00089215, code),
        )
        + _sequence(0x00209111, _element(0x00209157, "UL", struct.pack("<2I", segment + 1, plane + 1)))
        + _sequence(0x00209113, _element(0x00200032, "DS", position))
        + _sequence(0x0062000A, _element(0x0062000B, "US", struct.pack("<H", segment + 1)))
    )


def _fragments(count: int) -> Iterator[bytes]:
    """Yield an Item for each Frame, whose pixels add up to its index modulo 200."""
    for index in range(count):
        deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
        stream = deflater.compress(bytes([index % 200]) + bytes(_SIDE * _SIDE - 1)) + deflater.flush()
        stream += b"\0" * (len(stream) % 2)
        yield struct.pack("<HHI", 0xFFFE, 0xE000, len(stream)) + stream


def _sequence(tag: int, *items: bytes) -> bytes:
    head = struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"SQ", 0, _UNDEFINED)
    return head + b"".join(_ITEM + item + _ITEM_END for item in items) + _SEQUENCE_END


def _element(tag: int, vr: str, value: bytes) -> bytes:
    value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value


def main(arguments: Sequence[str] | None = None) -> int:
    return run("open", __doc__ or "", measure, opening, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
