# SPDX-License-Identifier: Apache-2.0
"""Whole files beside plain loops of zlib: 10 000 Frames of 512x512, on one thread.

The first set's Frames in order, as often as needed, in a file in a temporary folder (TMPDIR says where). Compared are
compress_file with its check, decompress_file, a loop over FrameReader, and decode_frames of all Fragments into one
array; each with what one writes by hand for it: zlib a Frame (level 6), numpy.unpackbits for pixels, plain reads and
writes. Each runs in a process of its own, in turns; figures are medians of elapsed time (processor time beside it),
as ratios. Ours flushes a file to the disk before it gives it its name; so does the loop called flushed. Outputs are
compared with the source, files by zlib and a plain walk over their Items, before anything is timed.

    python benchmarks/bench_files.py
    python benchmarks/bench_files.py --quick    24 Frames, one round
    python benchmarks/bench_files.py --only compress decompress
"""

import json
import statistics
import struct
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

import file_tasks
from command import Options, run
from file_tables import files
from file_tasks import PIXEL_WORKS, SEQUENCE_END, TASKS, checksum, padded, raw_zlib
from frame_sets import FrameSet, all_sets
from interleave import WrongResultError

__all__ = ["FilesMaker", "main", "measure"]

_COUNT: Final = 10_000
_QUICK_COUNT: Final = 24
Runs = dict[str, list[dict[str, float]]]
"""Reports by contestant."""

_FIELDS: Final = ("seconds", "cpu", "peak_nbytes")
_EXPLICIT: Final = "1.2.840.10008.1.2.1"
_DEFLATED_FRAMES: Final = "1.2.840.10008.1.2.8.1"
_UNDEFINED: Final = 0xFFFFFFFF


def measure(options: Options) -> dict[str, Any]:
    """Return the times and peaks of all contestants."""
    one = next(one for one in all_sets(options.frames) if one.kind == "1-bit")
    works = options.chosen(list(TASKS))
    with TemporaryDirectory() as folder:
        maker = FilesMaker(Path(folder), one, _QUICK_COUNT if options.quick else _COUNT)
        maker.write()
        checked = _checked(maker, works)
        table = (
            {work: _contest(maker, work, options.rounds) for work in works} if not options.quick else checked
        )
    return {
        "set": one.name,
        "frames": maker.count,
        "works": {work: _to_loop(runs) for work, runs in table.items()},
    }


def _checked(maker: "FilesMaker", works: Sequence[str]) -> dict[str, Runs]:
    """Run each task once, all in one process, and compare its output with the source."""
    expected = {True: maker.pixels_checksum(), False: maker.native_checksum()}
    tasks = [(work, name) for work in works for name in TASKS[work]]
    reports = _run_tasks(maker.folder, [f"{work}/{name}" for work, name in tasks], check=True)
    runs: dict[str, Runs] = {work: {} for work in works}
    for (work, name), report in zip(tasks, reports, strict=True):
        if report["checksum"] != expected[work in PIXEL_WORKS]:
            raise WrongResultError(f"{work}, {name}: the output is not what the source holds")
        runs[work][name] = [report]
    return runs


def _contest(maker: "FilesMaker", work: str, rounds: int) -> Runs:
    """Let the contestants take turns, each in a process of its own."""
    names = list(TASKS[work])
    runs: Runs = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            runs[name] += _run_tasks(maker.folder, [f"{work}/{name}"], check=False)
    return runs


def _to_loop(runs: Runs) -> dict[str, dict[str, float]]:
    """Return, by contestant, elapsed and processor time as ratios to the loop's, and the peak of its memory."""
    medians = {
        name: {field: statistics.median(report[field] for report in reports) for field in _FIELDS}
        for name, reports in runs.items()
    }
    return {
        name: {
            "time": one["seconds"] / medians["loop"]["seconds"],
            "cpu": one["cpu"] / medians["loop"]["cpu"],
            "peak_mib": one["peak_nbytes"] / (1 << 20),
        }
        for name, one in medians.items()
    }


def _run_tasks(folder: Path, tasks: Sequence[str], *, check: bool) -> list[dict[str, float]]:
    """Run tasks in one process: to be timed, each must be alone in its own."""
    command = [sys.executable, file_tasks.__file__, "check" if check else "time", str(folder), *tasks]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WrongResultError(f"{', '.join(tasks)}: {done.stderr.strip()[-500:]}")
    reports: list[dict[str, float]] = json.loads(done.stdout)
    return reports


@dataclass(frozen=True)
class FilesMaker:
    """Writes a native file, and the deflated one that a loop of zlib makes of it."""

    folder: Path
    frames: FrameSet
    count: int

    def write(self) -> None:
        """Write both, and the job that describes them to the processes."""
        nbytes = self.count * self.frames.frame_nbytes
        native_head = self._head(_EXPLICIT) + _long(0x7FE00010, "OB", nbytes)
        deflated_head = self._head(_DEFLATED_FRAMES) + _long(0x7FE00010, "OB", _UNDEFINED)
        streams = [padded(raw_zlib(frame)) for frame in self.frames.frames]
        with (self.folder / "native.dcm").open("wb") as file:
            file.writelines([native_head, *self._in_order(self.frames.frames)])
        with (self.folder / "deflated.dcm").open("wb") as file:
            file.writelines([deflated_head, _item(b""), *map(_item, self._in_order(streams)), SEQUENCE_END])
        job = {
            "rows": self.frames.rows,
            "columns": self.frames.columns,
            "count": self.count,
            "frame_nbytes": self.frames.frame_nbytes,
            "native_start": len(native_head),
            "deflated_start": len(deflated_head),
        }
        (self.folder / "job.json").write_text(json.dumps(job), encoding="utf-8")

    def native_checksum(self) -> int:
        return checksum(iter(self._in_order(self.frames.frames)))

    def pixels_checksum(self) -> int:
        unpacked = [
            np.unpackbits(np.frombuffer(frame, np.uint8), bitorder="little").tobytes()
            for frame in self.frames.frames
        ]
        return checksum(iter(self._in_order(unpacked)))

    def _in_order(self, parts: Sequence[bytes]) -> Iterable[bytes]:
        return (parts[number % len(parts)] for number in range(self.count))

    def _head(self, uid: str) -> bytes:
        """Return the file up to Pixel Data: a Segmentation's Image Pixel attributes, and not much else."""
        sop = {0x00080016: ("UI", b"1.2.840.10008.5.1.4.1.1.66.4"), 0x00080018: ("UI", b"2.25.1234567890")}
        numbers = {
            0x00280002: 1,
            0x00280010: self.frames.rows,
            0x00280011: self.frames.columns,
            0x00280100: 1,
            0x00280101: 1,
            0x00280102: 0,
            0x00280103: 0,
        }
        fields = {
            **sop,
            0x00280004: ("CS", b"MONOCHROME2"),
            0x00280008: ("IS", str(self.count).encode()),
            **{tag: ("US", struct.pack("<H", number)) for tag, number in numbers.items()},
        }
        meta = _long(0x00020001, "OB", 2) + b"\0\1"
        for tag, value in ((0x00020002, sop[0x00080016][1]), (0x00020003, sop[0x00080018][1])):
            meta += _short(tag, "UI", value)
        meta += _short(0x00020010, "UI", uid.encode()) + _short(0x00020012, "UI", b"2.25.42")
        group = _short(0x00020000, "UL", struct.pack("<I", len(meta)))
        data_set = b"".join(_short(tag, vr, value) for tag, (vr, value) in sorted(fields.items()))
        return bytes(128) + b"DICM" + group + meta + data_set


def _short(tag: int, vr: str, value: bytes) -> bytes:
    value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value


def _long(tag: int, vr: str, nbytes: int) -> bytes:
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode(), 0, nbytes)


def _item(value: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value


def main(arguments: Sequence[str] | None = None) -> int:
    return run("files", __doc__ or "", measure, files, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
