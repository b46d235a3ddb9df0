# SPDX-License-Identifier: Apache-2.0
"""Many threads at once, and a fork while they work."""

import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from child import run_child
from framedeflate import FrameReader, ImagePixel, compress_file, decode_frames, encode_frames
from made_files import write_native

FORKS = """
import hashlib, os, threading, warnings
import numpy as np
from framedeflate import ImagePixel, decode_frames, encode_frames
# Python 3.12 warns of just what is done here.
warnings.simplefilter("ignore", DeprecationWarning)
rng = np.random.default_rng(3)
masks = np.repeat(np.repeat(rng.integers(0, 2, (32, 16, 16)), 16, 1), 16, 2).astype(bool)
bilevel = ImagePixel(rows=256, columns=256, bits_allocated=1)
noise = rng.integers(0, 4096, (8, 64, 64), dtype="u2")
grey = ImagePixel(rows=64, columns=64, bits_allocated=16)

def work():
    fragments = encode_frames(masks, bilevel, threads=2) + encode_frames(noise, grey, threads=2)
    assert np.array_equal(decode_frames(fragments[:32], bilevel, threads=2), masks)
    assert np.array_equal(decode_frames(fragments[32:], grey, threads=2), noise)
    return hashlib.sha256(b"".join(fragments)).hexdigest()

expected = work()
stop = threading.Event()
def work_on():
    while not stop.is_set():
        work()
threads = [threading.Thread(target=work_on) for _ in range(2)]
for thread in threads:
    thread.start()
outcome = []
for _ in range(10):
    process = os.fork()
    if not process:
        try:
            os._exit(0 if work() == expected else 3)
        finally:
            os._exit(4)
    outcome.append(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
stop.set()
for thread in threads:
    thread.join()
"""


def test_many_threads_encode_and_decode_at_once() -> None:
    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for threads in (1, 2, 0):
            rows, columns = (int(n) for n in rng.integers(1, 100, 2))
            mask = ImagePixel(rows=rows, columns=columns, bits_allocated=1)
            masks = rng.random((20, rows, columns)) < rng.random()
            fragments = encode_frames(masks, mask, threads=threads)
            for pixels, fragment in zip(masks, fragments, strict=True):
                packed = np.packbits(pixels.reshape(-1), bitorder="little").tobytes()
                assert zlib.decompress(fragment, -15) == packed
            assert np.array_equal(decode_frames(fragments, mask, threads=threads), masks)
            grey = ImagePixel(rows=rows, columns=columns, bits_allocated=16)
            noise = rng.integers(0, 4096, (20, rows, columns), dtype="<u2")
            fragments = encode_frames(noise, grey, threads=threads)
            assert [zlib.decompress(each, -15) for each in fragments] == [frame.tobytes() for frame in noise]
            assert np.array_equal(decode_frames(fragments, grey, threads=threads), noise)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(48)))


def test_many_threads_share_a_reader(tmp_path: Path) -> None:
    frames = np.arange(100 * 64 * 64, dtype="<u2").reshape(100, 64, 64)
    source = write_native(tmp_path / "a.dcm", frames.tobytes(), rows=64, columns=64, bits=16, frames=100)
    compress_file(source, tmp_path / "b.dcm")
    for path in (source, tmp_path / "b.dcm"):
        with FrameReader.open(path, threads=2) as reader, ThreadPoolExecutor(16) as pool:
            indices = [int(i) for i in np.random.default_rng(4).integers(0, 100, 1000)]
            for index, frame in zip(indices, pool.map(reader.__getitem__, indices), strict=True):
                assert np.array_equal(frame, frames[index])


def test_many_threads_compress_to_one_name(tmp_path: Path) -> None:
    source = write_native(tmp_path / "a.dcm", bytes(range(256)) * 64, rows=128, columns=128)
    (tmp_path / "out").mkdir()
    final = tmp_path / "out/b.dcm"
    compress_file(source, final)
    expected = final.read_bytes()
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(compress_file, source, final, overwrite=True) for _ in range(64)]:
            done.result()
            assert final.read_bytes() == expected
    assert list(final.parent.iterdir()) == [final]


def test_only_one_of_many_threads_gets_a_name(tmp_path: Path) -> None:
    source = write_native(tmp_path / "a.dcm", bytes(range(256)) * 64, rows=128, columns=128)
    (tmp_path / "out").mkdir()
    for attempt in range(10):
        final = tmp_path / f"out/{attempt}.dcm"
        with ThreadPoolExecutor(8) as pool:
            errors = [pool.submit(compress_file, source, final).exception() for _ in range(8)]
        assert [type(error) for error in errors if error is not None] == [FileExistsError] * 7
    assert len(list((tmp_path / "out").iterdir())) == 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_while_threads_encode() -> None:
    assert run_child(FORKS, timeout_seconds=200).outcome == [0] * 10
