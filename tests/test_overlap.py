# SPDX-License-Identifier: Apache-2.0
"""Files whose stages overlap: the same bytes however they are shared out, and nothing left over by any error."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

import judge
from framedeflate import TranscodeResult, compress_file, decompress_file
from framedeflate.atomic_file import atomic_file
from framedeflate.errors import FrameDecodeError, FrameDeflateError
from framedeflate.transcode import frame_batches, job
from made_files import write_native

Command = Callable[..., TranscodeResult]

COUNT = 3000
"""Frames of 1031 by 9 pixels, 1160 bytes each: single bits, so that seven of eight start inside a byte."""


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some dozens of batches, as gigabytes would have."""
    monkeypatch.setattr(frame_batches, "_MAX_BATCH_NBYTES", 1 << 16)
    monkeypatch.setattr(frame_batches, "_PART_NBYTES", 1 << 14)


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(8)
    bits = np.repeat(rng.integers(0, 2, COUNT * 1031 * 9 // 50 + 1, dtype=np.uint8), 50)[: COUNT * 1031 * 9]
    pixel_data = np.packbits(bits, bitorder="little").tobytes()
    pixel_data += bytes(len(pixel_data) % 2)
    path = tmp_path_factory.mktemp("native") / "native.dcm"
    return write_native(path, pixel_data, rows=9, columns=1031, bits=1, frames=COUNT)


@pytest.fixture(scope="module")
def deflated(native: Path) -> Path:
    path = native.with_name("deflated.dcm")
    compress_file(native, path)
    return path


@pytest.fixture(params=["compress", "decompress"])
def command(request: pytest.FixtureRequest) -> Command:
    return compress_file if request.param == "compress" else decompress_file


@pytest.fixture
def source(command: Command, tmp_path: Path, native: Path, deflated: Path) -> Path:
    path = tmp_path / "source.dcm"
    path.write_bytes((native if command is compress_file else deflated).read_bytes())
    return path


@pytest.mark.parametrize("threads", [1, 2, 0])
@pytest.mark.parametrize(
    ("batch_nbytes", "part_nbytes"), [(1, 1), (5000, 3000), (1 << 19, 1 << 13), (1 << 30, 1 << 30)]
)
def test_the_bytes_do_not_depend_on_how_frames_are_shared_out(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    native: Path,
    deflated: Path,
    *,
    threads: int,
    batch_nbytes: int,
    part_nbytes: int,
) -> None:
    monkeypatch.setattr(frame_batches, "_MAX_BATCH_NBYTES", batch_nbytes)
    monkeypatch.setattr(frame_batches, "_PART_NBYTES", part_nbytes)
    compress_file(native, tmp_path / "deflated.dcm", threads=threads)
    assert (tmp_path / "deflated.dcm").read_bytes() == deflated.read_bytes()
    assert judge.read(deflated).frames() == judge.read(native).frames()
    decompress_file(deflated, tmp_path / "native.dcm", threads=threads)
    assert judge.read(tmp_path / "native.dcm").value(judge.PIXEL_DATA) == judge.read(native).value(
        judge.PIXEL_DATA
    )


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_comes_in_order_and_from_the_caller_s_thread(
    command: Command, source: Path, tmp_path: Path, threads: int
) -> None:
    seen: list[tuple[int, int]] = []
    called_by = set()

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        called_by.add(threading.get_ident())

    command(source, tmp_path / "out.dcm", threads=threads, progress=progress)
    assert len(seen) > 10
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (COUNT, COUNT)
    assert {total for _, total in seen} == {COUNT}
    assert called_by == {threading.get_ident()}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_error_in_progress_comes_out_and_leaves_nothing(
    command: Command, source: Path, tmp_path: Path, *, threads: int, error: type[BaseException]
) -> None:
    def progress(done: int, _total: int) -> None:
        if done > COUNT // 2:
            raise error

    with pytest.raises(error):
        command(source, tmp_path / "out.dcm", threads=threads, progress=progress)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_source_that_is_cut_meanwhile(command: Command, source: Path, tmp_path: Path, threads: int) -> None:
    def progress(done: int, _total: int) -> None:
        os.truncate(source, source.stat().st_size // 2)

    with pytest.raises(FrameDeflateError) as caught:
        command(source, tmp_path / "out.dcm", threads=threads, progress=progress)
    assert getattr(caught.value, "kind", "") in {
        "short-pixel-data",
        "truncated",
        "not-terminated",
        "bad-data",
        "changed",
    }
    assert list(tmp_path.iterdir()) == [source]


class FullDisk:
    """A file that takes so many bytes and no more."""

    def __init__(self, file: BinaryIO, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: Any) -> int:
        self._room -= memoryview(data).nbytes
        if self._room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data)

    def writelines(self, pieces: list[Any]) -> None:
        for piece in pieces:
            self.write(piece)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("room", [0, 100_000])
def test_a_full_disk(
    monkeypatch: pytest.MonkeyPatch,
    command: Command,
    source: Path,
    tmp_path: Path,
    *,
    threads: int,
    room: int,
) -> None:
    @contextmanager
    def full(*arguments: Any, **options: Any) -> Iterator[FullDisk]:
        with atomic_file(*arguments, **options) as file:
            yield FullDisk(file, room)

    monkeypatch.setattr(job, "atomic_file", full)
    with pytest.raises(OSError, match="No space left") as caught:
        command(source, tmp_path / "out.dcm", threads=threads)
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("threads", [1, 2])
def test_the_first_of_several_broken_frames_is_named(deflated: Path, tmp_path: Path, threads: int) -> None:
    read = judge.read(deflated)
    fragments = read.fragments()
    data = bytearray(deflated.read_bytes())
    at = data.index(fragments[0], 500)
    for number, fragment in enumerate(fragments):
        if number in {1700, 1701, 2900}:
            # A block of the reserved type (RFC 1951 3.2.3).
            data[at] |= 0b110
        at += len(fragment) + 8
    source = tmp_path / "source.dcm"
    source.write_bytes(data)
    for command in (compress_file, decompress_file):
        with pytest.raises(FrameDecodeError) as caught:
            command(source, tmp_path / "out.dcm", threads=threads)
        assert (caught.value.kind, caught.value.frame_number) == ("bad-data", 1701)
        assert list(tmp_path.iterdir()) == [source]
