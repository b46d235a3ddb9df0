# SPDX-License-Identifier: Apache-2.0
"""The C++ core between pages that must not be touched: a byte read or written beyond a buffer ends the process.

Each case runs in a child process, which prints what it did; a crash fails the test and nothing else.
"""

import importlib.util
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="maps pages as Linux does"),
    pytest.mark.skipif(
        importlib.util.find_spec("framedeflate._native") is None, reason="this installation has no C++ core"
    ),
]

GUARDED = """
import ctypes, mmap, zlib
import numpy as np
from framedeflate import _native

libc = ctypes.CDLL(None, use_errno=True)
PAGE = mmap.PAGESIZE
kept = []

def guarded(data, at_end):
    "A copy of data that ends, or begins, where a page begins that may not be touched."
    nbytes = -(-max(1, len(data)) // PAGE) * PAGE
    area = mmap.mmap(-1, nbytes + 2 * PAGE)
    kept.append(area)
    address = ctypes.addressof(ctypes.c_char.from_buffer(area))
    for page in (address, address + PAGE + nbytes):
        assert libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(PAGE), 0) == 0
    start = address + PAGE + (nbytes - len(data) if at_end else 0)
    view = (ctypes.c_ubyte * len(data)).from_address(start)
    ctypes.memmove(start, bytes(data), len(data))
    return view

rng = np.random.default_rng(3)
def picture(nbytes, kind):
    if kind == 0: return bytes(nbytes)
    if kind == 1: return rng.bytes(nbytes)
    if kind == 2: return (rng.bytes(1 + nbytes % 40) * nbytes)[:nbytes]
    return rng.choice(np.array([0, 255, 3], np.uint8), nbytes, p=[.9, .08, .02]).tobytes()
SIZES = [1, 2, 7, 8, 9, 63, 64, 65, 255, 300, 320, 1000, 4096, 5000, 32768]
"""

INFLATE = """
for nbytes in SIZES:
    for kind in range(4):
        data = picture(nbytes, kind)
        for level in (0, 1, 9):
            deflater = zlib.compressobj(level, zlib.DEFLATED, -15)
            stream = deflater.compress(data) + deflater.flush()
            for at_end in (False, True):
                out = guarded(bytes(nbytes), at_end)
                for cut in {len(stream), len(stream) - 1, len(stream) // 2, 3}:
                    defects, _, _ = _native.inflate_frames([guarded(stream[:cut], at_end)], nbytes, out, 1)
                    assert (defects[0] == 0) == (cut >= len(stream))
                    assert bytes(out) == (bytes(nbytes) if defects[0] else data)
                for bit in range(0, 8 * len(stream), max(1, len(stream) // 3)):
                    broken = bytearray(stream); broken[bit // 8] ^= 1 << bit % 8
                    _native.inflate_frames([guarded(broken, at_end)], nbytes, out, 1)
        while kept and len(kept) > 50: kept.pop(0)
print("passed")
"""

DEFLATE = """
for nbytes in SIZES:
    for kind in range(4):
        data = picture(nbytes, kind)
        for level in (1, 6, 9):
            for row_nbits in (8, 13, 64, 512, 8 * nbytes, 10**9):
                for at_end in (False, True):
                    (stream,) = _native.deflate_frames(guarded(data, at_end), nbytes, row_nbits, level, 1)
                    assert zlib.decompress(stream, -15) == data
                    _native.photographic_frames(guarded(data, at_end), nbytes, row_nbits)
    kept.clear()
print("passed")
"""

BITS = """
for nbits in [1, 3, 8, 13, 63, 64, 65, 71, 72, 127, 200, 1001]:
    for nframes in (1, 2, 3):
        nbytes = -(-nbits // 8)
        for first in range(0, 17):
            native = rng.bytes(-(-(first + nbits * nframes) // 8))
            for at_end in (False, True):
                frames = _native.cut_bits(guarded(native, at_end), first, nbits, nframes)
                into = guarded(native, at_end)
                _native.join_bits(guarded(frames, at_end), nbits, nframes, first, into)
                assert _native.cut_bits(into, first, nbits, nframes) == frames
        pixels = guarded(bytes(nbits * nframes), at_end)
        _native.unpack_bits(guarded(frames, at_end), nbits, nframes, pixels)
        assert _native.pack_bits(pixels, nbits, nframes) == frames
        kept.clear()
print("passed")
"""

SCAN = """
for seed in range(300):
    words = [b"US\\x02\\0", b"\\xfe\\xff\\x00\\xe0", b"\\xfe\\xff\\xdd\\xe0", b"\\xff" * 4, bytes(4), b"SQ\\0\\0",
             b"\\x08\\0\\x40\\x11"]
    data = b"".join(words[i] for i in rng.integers(0, len(words), seed % 40)) + bytes(seed % 5)
    for at_end in (False, True):
        window = guarded(data, at_end)
        _native.scan_items(window, seed % 9)
        for implicit in (False, True):
            scan = _native.ElementScan(start=0, stop=len(data) + 9, implicit_vr=implicit, big_endian=False,
                                       wanted={0x00081140}, descend=True)
            scan.feed(window, 0)
            for last in (False, True):
                _native.read_item_values(window, paths=[(0x00081140, 0, 2), (0, 0x00081140, 1)], max_items=9,
                                         implicit_vr=implicit, big_endian=False, delimited=last, last=last)
    kept.clear()
print("passed")
"""


@pytest.mark.parametrize("code", [INFLATE, DEFLATE, BITS, SCAN], ids=["inflate", "deflate", "bits", "scan"])
def test_nothing_beyond_the_buffers(code: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", GUARDED + code], capture_output=True, text=True, check=False
    )
    assert result.stdout == "passed\n", result.stderr
