# SPDX-License-Identifier: Apache-2.0
"""Whatever stops a transcoding, the source and any earlier output stay, and no half file takes the final name."""

import importlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import judge
from child import run_child
from framedeflate import compress_file, decompress_file, engine
from framedeflate.byte_source import BytesSource, read_exactly
from framedeflate.errors import DicomFormatError, FrameDeflateError, RoundTripError, UnsupportedImageError
from kills import COMMAND, Prey, digest, leftovers, make_source
from made_files import (
    DEFLATED_FRAMES,
    ENCAPSULATED_UNCOMPRESSED,
    encapsulated,
    file_meta,
    head,
    write_native,
)

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals, modes and locks as POSIX has them")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """200 Frames of 10 000 bytes, enough for several writes."""
    frame = bytes(range(250)) * 40
    return write_native(tmp_path / "source.dcm", frame * 200, rows=100, columns=100, bits=8, frames=200)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@POSIX
def test_a_kill_leaves_the_source_the_earlier_output_and_no_half_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    original = make_source(tmp_path / "original.dcm", frames=18)
    arguments = ("compress", "--level", "6")
    new = Prey(original, tmp_path / "new", arguments)
    replaced = Prey(original, tmp_path / "replaced", arguments, replaces=True)
    in_place = Prey(original, tmp_path / "in_place", arguments, in_place=True)
    there = [prey.kill(rng) for prey in (new, replaced, in_place, replaced, new)]
    assert any(there)
    for prey in (new, replaced, in_place):
        prey.finish()


@POSIX
def test_an_interrupt_takes_the_unfinished_file_away(tmp_path: Path, folder: Path) -> None:
    original = make_source(tmp_path / "original.dcm", frames=48)
    command = [*COMMAND, "compress", "--level", "9", str(original), "-o", str(folder / "final.dcm")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not leftovers(folder):
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert list(folder.iterdir()) == []


def test_an_interrupt_inside_a_call_does_too(source: Path, folder: Path) -> None:
    def interrupt(_done: int, _of: int) -> None:
        assert len(leftovers(folder)) == 1
        raise KeyboardInterrupt

    before = digest(source)
    with pytest.raises(KeyboardInterrupt):
        compress_file(source, folder / "final.dcm", progress=interrupt)
    assert list(folder.iterdir()) == []
    assert digest(source) == before


@pytest.mark.parametrize("in_place", [False, True])
def test_a_full_disk(source: Path, folder: Path, *, in_place: bool) -> None:
    pytest.importorskip("resource")
    final = source if in_place else folder / "final.dcm"
    if not in_place:
        final.write_bytes(b"an earlier file")
    before = digest(final)
    # Beyond this size each write fails as on a full disk, though with EFBIG.
    report = run_child(
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "source, final = arguments\n"
        "compress_file(source, None if source == final else final, overwrite=True, in_place=source == final)",
        source,
        final,
    )
    assert report.error == "OSError"
    assert digest(final) == before
    assert leftovers(final.parent) == []


@POSIX
def test_a_folder_that_cannot_be_written(source: Path, folder: Path) -> None:
    # Root may write anywhere but where the kernel alone does.
    folder = Path("/sys") if os.geteuid() == 0 and Path("/sys/kernel").is_dir() else folder
    mode = folder.stat().st_mode
    if os.geteuid():
        folder.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            compress_file(source, folder / "final.dcm")
        assert leftovers(folder) == []
    finally:
        if os.geteuid():
            folder.chmod(mode)


def test_a_folder_that_is_not_there(source: Path, folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        compress_file(source, folder / "missing" / "final.dcm")
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no such device here")
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_device_is_not_replaced(source: Path, *, overwrite: bool) -> None:
    with pytest.raises(FileExistsError):
        compress_file(source, "/dev/full", overwrite=overwrite)
    assert Path("/dev/full").is_char_device()


def test_a_folder_is_not_replaced(source: Path, folder: Path) -> None:
    with pytest.raises(FileExistsError):
        compress_file(source, folder, overwrite=True)
    assert list(folder.iterdir()) == []
    assert leftovers(folder.parent) == []


def test_an_output_that_appears_meanwhile_stays(source: Path, folder: Path) -> None:
    final = folder / "final.dcm"

    def appear(_done: int, _of: int) -> None:
        final.write_bytes(b"another's")

    with pytest.raises(FileExistsError):
        compress_file(source, final, progress=appear)
    assert final.read_bytes() == b"another's"
    assert list(folder.iterdir()) == [final]


def test_an_existing_output_is_replaced_only_where_asked(source: Path, folder: Path) -> None:
    final = folder / "final.dcm"
    final.write_bytes(b"an earlier file")
    with pytest.raises(FileExistsError):
        compress_file(source, final)
    assert final.read_bytes() == b"an earlier file"
    compress_file(source, final, overwrite=True)
    assert judge.read(final).frames() == judge.read(source).frames()


def assert_refused(source: Path, folder: Path, *, frame_number: int) -> None:
    before = digest(source)
    for threads in (1, 2):
        with pytest.raises(RoundTripError) as caught:
            compress_file(source, folder / "final.dcm", threads=threads)
        assert caught.value.frame_number == frame_number
    with pytest.raises(RoundTripError):
        compress_file(source, in_place=True)
    assert list(folder.iterdir()) == []
    assert leftovers(source.parent) == []
    assert digest(source) == before
    compress_file(source, folder / "unchecked.dcm", check=False)
    (folder / "unchecked.dcm").unlink()


@pytest.mark.parametrize("place", [0, 5000, 9999])
def test_frames_that_do_not_decode_to_their_source_are_never_put_in_place(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    # The core is given another Frame than the one it is to prove: the last but two of a middle batch.
    frames = [bytes([i]) * 5000 + bytes(5000) for i in range(250)] * 4
    (tmp_path / "in").mkdir()
    source = write_native(
        tmp_path / "in/a.dcm", b"".join(frames), rows=100, columns=100, bits=8, frames=len(frames)
    )
    core = importlib.import_module(
        "framedeflate._native" if engine.name == "native" else "framedeflate._reference"
    )
    true = core.deflate_items

    def one_bit(frames: bytes, *arguments: Any, expected: bytes | None) -> Any:
        other = bytearray(frames)
        for first in range(0, len(other), 10_000):
            if other[first] == 247:
                other[first + place] ^= 1
        return true(other, *arguments, expected=expected)

    monkeypatch.setattr(core, "deflate_items", one_bit)
    assert_refused(source, folder, frame_number=248)


def test_photographic_frames_are_proven_too(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import deflate

    (tmp_path / "in").mkdir()
    source = make_source(tmp_path / "in/a.dcm", frames=10)
    true = deflate.deflate_compress

    def cut(frame: memoryview, level: int) -> bytes:
        stream = bytes(true(frame, level))
        return stream[:-2] if bytes(frame) == seventh else stream

    seventh = source.read_bytes()[-4 << 19 :][: 1 << 19]
    monkeypatch.setattr(deflate, "deflate_compress", cut)
    assert_refused(source, folder, frame_number=7)


def test_a_frame_that_does_not_inflate_leaves_nothing(source: Path, folder: Path) -> None:
    deflated = folder / "deflated.dcm"
    compress_file(source, deflated)
    data = bytearray(deflated.read_bytes())
    # Bits of the last stream, some bytes before the delimiter.
    data[-20] ^= 0xFF
    deflated.write_bytes(data)
    before = digest(deflated)
    with pytest.raises(FrameDeflateError):
        decompress_file(deflated, in_place=True)
    assert digest(deflated) == before
    assert list(folder.iterdir()) == [deflated]


TAIL = b"\xfc\xff\xfc\xffOB\0\0" + (5000).to_bytes(4, "little") + bytes(5000)


def _native(path: Path) -> None:
    write_native(path, bytes(200 * 10_000), rows=100, columns=100, bits=8, frames=200, tail=TAIL)


def _uncompressed(path: Path) -> None:
    pixels = encapsulated([bytes(10_000)] * 200)
    image = head(rows=100, columns=100, bits=8, frames=200)
    path.write_bytes(file_meta(ENCAPSULATED_UNCOMPRESSED) + image + pixels + TAIL)


@pytest.mark.parametrize("make", [_native, _uncompressed])
@pytest.mark.parametrize("kept", [0.3, 0.999])
def test_a_source_that_shrinks_while_it_is_read(
    tmp_path: Path, make: Callable[[Path], None], kept: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("framedeflate.stored_frames.BATCH_NBYTES", 10_000)
    source, final = tmp_path / "source.dcm", tmp_path / "final.dcm"
    make(source)

    def shrink(done: int, _of: int) -> None:
        if done == 200 or kept < 0.5:
            os.truncate(source, int(source.stat().st_size * kept))

    with pytest.raises((UnsupportedImageError, DicomFormatError)) as caught:
        compress_file(source, final, progress=shrink)
    assert getattr(caught.value, "kind", "") in {"short-pixel-data", "truncated"}
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("in_place", [False, True])
def test_a_source_that_changes_while_it_is_read(tmp_path: Path, source: Path, *, in_place: bool) -> None:
    newer = tmp_path / "newer.dcm"
    write_native(newer, bytes(16))

    def rewrite(_done: int, _of: int) -> None:
        with source.open("r+b") as file:
            file.seek(-1, 2)
            file.write(b"\xff")

    def replace(_done: int, _of: int) -> None:
        shutil.copyfile(newer, tmp_path / "copy")
        (tmp_path / "copy").replace(source)

    for change in (rewrite, replace):
        with pytest.raises(DicomFormatError) as caught:
            compress_file(
                source, None if in_place else tmp_path / "final.dcm", in_place=in_place, progress=change
            )
        assert caught.value.kind == "changed"
        assert sorted(tmp_path.iterdir()) == [newer, source]
    assert digest(source) == digest(newer)


def test_a_range_that_is_not_there_any_more_is_an_error() -> None:
    assert read_exactly(BytesSource(b"0123"), 1, 4) == b"123"
    with pytest.raises(DicomFormatError) as caught:
        read_exactly(BytesSource(b"0123"), 1, 5)
    assert (caught.value.kind, caught.value.position) == ("truncated", 4)


def test_the_source_is_not_its_own_output_unless_in_place(source: Path, tmp_path: Path) -> None:
    before = digest(source)
    linked, hard = tmp_path / "linked.dcm", tmp_path / "hard.dcm"
    linked.symlink_to(source)
    os.link(source, hard)
    for destination in (source, linked, hard, tmp_path / "out/../source.dcm"):
        (tmp_path / "out").mkdir(exist_ok=True)
        with pytest.raises(shutil.SameFileError):
            compress_file(source, destination, overwrite=True)
    with pytest.raises(ValueError, match="in_place"):
        compress_file(source, tmp_path / "other.dcm", in_place=True)
    with pytest.raises(ValueError, match="destination"):
        compress_file(source)
    assert digest(source) == before


def test_in_place_replaces_the_file_behind_a_symbolic_link(source: Path, tmp_path: Path) -> None:
    frames = judge.read(source).frames()
    linked = tmp_path / "linked.dcm"
    linked.symlink_to(source)
    result = compress_file(linked, in_place=True)
    assert linked.is_symlink()
    assert not source.is_symlink()
    assert result.destination == source.resolve()
    assert judge.read(source).uid == DEFLATED_FRAMES
    assert judge.read(source).frames() == frames


def test_in_place_leaves_other_names_of_the_source_as_they_were(source: Path, tmp_path: Path) -> None:
    before = digest(source)
    other = tmp_path / "other.dcm"
    os.link(source, other)
    compress_file(source, in_place=True)
    assert digest(other) == before
    assert judge.read(source).frames() == judge.read(other).frames()


def test_a_symbolic_link_as_output_is_replaced_and_not_followed(source: Path, folder: Path) -> None:
    precious, final = folder / "precious", folder / "final.dcm"
    precious.write_bytes(b"kept")
    final.symlink_to(precious)
    with pytest.raises(FileExistsError):
        compress_file(source, final)
    compress_file(source, final, overwrite=True)
    assert precious.read_bytes() == b"kept"
    assert not final.is_symlink()
