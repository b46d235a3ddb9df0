# SPDX-License-Identifier: Apache-2.0
"""scan_items on Items that pydicom writes, and on what may stand between them."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate, generate_fragments

END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def item(nbytes: int) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, nbytes)


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=10), st.booleans())
def test_items_of_pydicom(core: Any, frames: list[bytes], has_offsets: bool) -> None:
    value = encapsulate(frames, has_bot=has_offsets)
    positions, nbytes, resume, status = core.scan_items(value + END + b"behind", 0)
    assert (resume, status) == (len(value) + 8, 1)
    cut = [value[at : at + n] for at, n in zip(positions, nbytes, strict=True)]
    assert cut[1:] == list(generate_fragments(value[positions[0] + nbytes[0] :]))


@given(st.lists(st.integers(0, 30), max_size=8), st.integers(8, 40), st.integers(0, 20))
def test_window_by_window(core: Any, sizes: list[int], window_nbytes: int, start: int) -> None:
    data = bytes(start) + b"".join(item(n) + b"\xfe" * n for n in sizes) + END
    whole = core.scan_items(data, start)
    assert whole[1] == sizes
    found: list[tuple[int, int]] = []
    at, status = start, 0
    while status == 0:
        positions, nbytes, resume, status = core.scan_items(data[at : at + window_nbytes], 0)
        found += zip([at + position for position in positions], nbytes, strict=True)
        at += resume
    assert (at, status) == (len(data), 1) == whole[2:]
    assert found == list(zip(whole[0], whole[1], strict=True))


@pytest.mark.parametrize(
    ("window", "start", "expected"),
    [
        (b"", 0, ([], [], 0, 0)),
        (item(4)[:7], 0, ([], [], 0, 0)),
        (item(4), 0, ([8], [4], 12, 0)),
        (item(4) + b"ab", 0, ([8], [4], 12, 0)),
        (item(0xFFFFFFFE), 0, ([8], [0xFFFFFFFE], 0x100000006, 0)),
        (item(0) + item(0xFFFFFFFF) + END, 0, ([8], [0], 8, 2)),
        (item(0) + struct.pack("<HHI", 0xFFFE, 0xE00D, 0), 0, ([8], [0], 8, 2)),
        (item(0) + struct.pack(">HHI", 0xFFFE, 0xE000, 0), 0, ([8], [0], 8, 2)),
        (bytes(8), 0, ([], [], 0, 2)),
        (b"abc" + END, 3, ([], [], 11, 1)),
        (END, 9, ([], [], 9, 0)),
        (END, 2**62, ([], [], 2**62, 0)),
    ],
)
def test_what_else_there_may_be(
    core: Any, window: bytes, start: int, expected: tuple[list[int], list[int], int, int]
) -> None:
    assert core.scan_items(window, start) == expected


def test_negative_start(core: Any) -> None:
    with pytest.raises(ValueError, match="must not"):
        core.scan_items(END, -1)
