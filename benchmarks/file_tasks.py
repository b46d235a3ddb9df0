# SPDX-License-Identifier: Apache-2.0
"""What bench_files times, each in a process of its own: nothing of one is left in the memory of another.

    python file_tasks.py time|check FOLDER TASK...

FOLDER holds ``job.json`` and the files that bench_files has made. Printed as JSON, for each task: seconds, processor
seconds, the peak of resident memory beyond what there was before, and, to check, a checksum of the output.
"""

import contextlib
import json
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from framedeflate import FrameReader, ImagePixel, compress_file, decode_frames, decompress_file

__all__ = ["PIXEL_WORKS", "SEQUENCE_END", "TASKS", "Job", "checksum", "items", "padded", "raw_zlib"]

SEQUENCE_END: Final = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
_ITEM: Final = 0xE000FFFE


@dataclass(frozen=True)
class Job:
    """The files, and what a plain loop has to be told of them.

    Attributes
    ----------
    native_start, deflated_start : int
        Where the value of Pixel Data starts in either file; a loop copies all before it from the file's model.
    """

    folder: Path
    rows: int
    columns: int
    count: int
    frame_nbytes: int
    native_start: int
    deflated_start: int

    @property
    def native(self) -> Path:
        return self.folder / "native.dcm"

    @property
    def deflated(self) -> Path:
        return self.folder / "deflated.dcm"

    @property
    def out(self) -> Path:
        return self.folder / "out.dcm"

    @property
    def image_pixel(self) -> ImagePixel:
        return ImagePixel(rows=self.rows, columns=self.columns, bits_allocated=1, number_of_frames=self.count)


def raw_zlib(frame: bytes) -> bytes:
    deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
    return deflater.compress(frame) + deflater.flush()


def padded(stream: bytes) -> bytes:
    return stream + b"\0" * (len(stream) % 2)


def items(file: Any) -> Iterator[bytes]:
    """Yield the values of the Items from here on, the Basic Offset Table's among them."""
    while True:
        tag, nbytes = struct.unpack("<II", file.read(8))
        if tag != _ITEM:
            return
        yield file.read(nbytes)


def ours_compress(job: Job) -> None:
    compress_file(job.native, job.out, threads=1, overwrite=True)


def loop_compress(job: Job, *, flush: bool = False) -> None:
    with job.native.open("rb") as source, job.out.open("wb") as out:
        with job.deflated.open("rb") as model:
            out.write(model.read(job.deflated_start) + struct.pack("<II", _ITEM, 0))
        source.seek(job.native_start)
        for _ in range(job.count):
            fragment = padded(raw_zlib(source.read(job.frame_nbytes)))
            out.write(struct.pack("<II", _ITEM, len(fragment)) + fragment)
        out.write(SEQUENCE_END)
        _flush(out, flush)


def ours_decompress(job: Job) -> None:
    decompress_file(job.deflated, job.out, threads=1, overwrite=True)


def loop_decompress(job: Job, *, flush: bool = False) -> None:
    with job.deflated.open("rb") as source, job.out.open("wb") as out:
        with job.native.open("rb") as model:
            out.write(model.read(job.native_start))
        source.seek(job.deflated_start)
        fragments = items(source)
        next(fragments)
        for fragment in fragments:
            out.write(zlib.decompressobj(-15).decompress(fragment, job.frame_nbytes))
        _flush(out, flush)


def _flush(out: Any, flush: bool) -> None:
    if flush:
        out.flush()
        os.fsync(out.fileno())


def ours_iterate(job: Job) -> Iterator[NDArray[Any]]:
    with FrameReader.open(job.deflated) as reader:
        yield from reader


def loop_iterate(job: Job) -> Iterator[NDArray[Any]]:
    with job.deflated.open("rb") as source:
        source.seek(job.deflated_start)
        fragments = items(source)
        next(fragments)
        for fragment in fragments:
            native = zlib.decompressobj(-15).decompress(fragment, job.frame_nbytes)
            yield np.unpackbits(np.frombuffer(native, np.uint8), bitorder="little").reshape(
                job.rows, job.columns
            )


def ours_array(job: Job, fragments: list[bytes]) -> NDArray[Any]:
    return decode_frames(fragments, job.image_pixel)


def loop_array(job: Job, fragments: list[bytes]) -> NDArray[Any]:
    pixels = np.empty((len(fragments), job.rows * job.columns), np.uint8)
    for index, fragment in enumerate(fragments):
        native = zlib.decompressobj(-15).decompress(fragment, job.frame_nbytes)
        pixels[index] = np.unpackbits(np.frombuffer(native, np.uint8), bitorder="little")
    return pixels.reshape(-1, job.rows, job.columns)


def checksum(parts: Iterator[Any]) -> int:
    value = 0
    for part in parts:
        value = zlib.crc32(part, value)
    return value


Work = Callable[[], Any]
Check = Callable[[Any], int]


def _file_task(write: Callable[[Job], None], judged: Callable[[Job], Iterator[bytes]]) -> Any:
    return lambda job: (lambda: write(job), lambda _: checksum(judged(job)))


def _judged_deflated(job: Job) -> Iterator[bytes]:
    """Yield the Frames of the written file, by zlib and a plain walk over its Items; Pixel Data is its last element."""
    file = job.out.read_bytes()
    at = file.index(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)) + 12
    with job.out.open("rb") as source:
        source.seek(at)
        fragments = items(source)
        next(fragments)
        for fragment in fragments:
            judge = zlib.decompressobj(-15)
            yield judge.decompress(fragment)
            if not judge.eof or judge.unused_data not in {b"", b"\0"}:
                raise ValueError("a Fragment does not end with its stream")


def _judged_native(job: Job) -> Iterator[bytes]:
    """Yield the value of Pixel Data, which ends the written file."""
    with job.out.open("rb") as source:
        source.seek(-job.count * job.frame_nbytes, os.SEEK_END)
        while part := source.read(1 << 20):
            yield part


def _exhaust(frames: Iterator[NDArray[Any]]) -> None:
    for _frame in frames:
        pass


def _iterate_task(iterate: Callable[[Job], Iterator[NDArray[Any]]]) -> Any:
    # The check iterates a second time: the timed loop does nothing with its arrays.
    return lambda job: (lambda: _exhaust(iterate(job)), lambda _: checksum(frame for frame in iterate(job)))


def _array_task(decode: Callable[[Job, list[bytes]], NDArray[Any]]) -> Any:
    def task(job: Job) -> tuple[Work, Check]:
        with job.deflated.open("rb") as source:
            source.seek(job.deflated_start)
            fragments = list(items(source))[1:]
        return lambda: decode(job, fragments), lambda pixels: checksum(iter(pixels))

    return task


TASKS: Final[dict[str, dict[str, Callable[[Job], tuple[Work, Check]]]]] = {
    "compress": {
        "ours": _file_task(ours_compress, _judged_deflated),
        "loop": _file_task(loop_compress, _judged_deflated),
        "loop, flushed": _file_task(lambda job: loop_compress(job, flush=True), _judged_deflated),
    },
    "decompress": {
        "ours": _file_task(ours_decompress, _judged_native),
        "loop": _file_task(loop_decompress, _judged_native),
        "loop, flushed": _file_task(lambda job: loop_decompress(job, flush=True), _judged_native),
    },
    "iterate": {"ours": _iterate_task(ours_iterate), "loop": _iterate_task(loop_iterate)},
    "one array": {"ours": _array_task(ours_array), "loop": _array_task(loop_array)},
}
"""By what is done and by whom: a function that makes ready, and returns what is timed and how its output is summed."""


PIXEL_WORKS: Final = frozenset({"iterate", "one array"})
"""Those whose checksum is that of pixels, a byte each, and not of native Frames."""


def _resident_nbytes(field: str) -> int:
    """Return a line of the process' status: VmHWM is the peak. 0 where there is no such file."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(field)), 0)


def _timed(job: Job, task: str, *, check: bool) -> dict[str, Any]:
    work_name, contestant = task.split("/")
    work, total = TASKS[work_name][contestant](job)
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew
    before = _resident_nbytes("VmHWM:")
    start, start_cpu = time.perf_counter(), time.process_time()
    result = work()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    peak = _resident_nbytes("VmHWM:") - before
    return {
        "seconds": seconds,
        "cpu": cpu_seconds,
        "peak_nbytes": peak,
        "checksum": total(result) if check else None,
    }


def main(arguments: list[str]) -> int:
    check = arguments[0] == "check"
    folder = Path(arguments[1])
    described = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    job = Job(folder=folder, **described)
    print(json.dumps([_timed(job, task, check=check) for task in arguments[2:]]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
