# SPDX-License-Identifier: Apache-2.0
"""ElementScan on headers laid down by hand: what is legal, and every defect."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from element_headers import (
    ENCODINGS,
    ITEM,
    ITEM_END,
    LONG,
    PIXEL_DATA,
    SEQUENCE_END,
    UNDEFINED,
    header,
    scan_of,
    scanned,
)
from framedeflate import _reference


def test_only_what_is_wanted_and_only_the_first(core: Any) -> None:
    one = header((0x28, 0x10), 2, "US") + b"\1\0"
    other = header((0x28, 0x11), 2, "US") + b"\1\0"
    scan = scanned(core, other + one + one, wanted={0x00280010, 0x00280012})
    assert scan.records == [(0x00280010, b"US", 10, 18, 2, 0)]


def test_vrs(core: Any) -> None:
    short = "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"
    elements = [(0x10000 + i, vr, 8) for i, vr in enumerate(short.split())]
    elements += [(0x20000 + i, vr, 12) for i, vr in enumerate(LONG)]
    data, expected = b"", []
    for tag, vr, header_nbytes in elements:
        expected.append((tag, vr.encode(), len(data), len(data) + header_nbytes, 6, 0))
        packed = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
        data += packed + (struct.pack("<H", 6) if header_nbytes == 8 else struct.pack("<HI", 0, 6)) + bytes(6)
    scan = scanned(core, data, wanted={tag for tag, _, _ in elements})
    assert scan.status == "done"
    assert scan.records == expected


@pytest.mark.parametrize("no_vr", [b"\0\0", b"  ", b"us", b"U\0", b"\x06\0", b"\xc4\xc4"])
def test_a_length_where_the_vr_ought_to_be(core: Any, no_vr: bytes) -> None:
    nbytes = struct.unpack("<I", no_vr + b"\0\0")[0]
    data = (
        struct.pack("<HH", 0x28, 0x10)
        + no_vr
        + b"\0\0"
        + bytes(nbytes)
        + header((0x28, 0x11), 2, "US")
        + b"\1\0"
    )
    scan = scanned(core, data, wanted={0x00280010, 0x00280011})
    assert scan.status == "done"
    assert scan.records == [
        (0x00280010, b"", 0, 8, nbytes, 0),
        (0x00280011, b"US", 8 + nbytes, 16 + nbytes, 2, 0),
    ]


def nested(depth: int, *, undefined: bool, order: str = "<", vr: str = "SQ") -> bytes:
    data = b""
    for _ in range(depth):
        if undefined:
            data = header(ITEM, UNDEFINED, order=order) + data + header(ITEM_END, 0, order=order)
            data = header((8, 0x1140), UNDEFINED, vr, order) + data + header(SEQUENCE_END, 0, order=order)
        else:
            data = header(ITEM, len(data), order=order) + data
            data = header((8, 0x1140), len(data), vr, order) + data
    return data


@pytest.mark.parametrize("undefined", [False, True])
def test_depth_limit(core: Any, undefined: bool) -> None:
    data = nested(64, undefined=undefined)
    assert scanned(core, data, descend=True).status == "done"
    data = nested(65, undefined=undefined)
    scan = scanned(core, data, 100, descend=True)
    assert scan.status == "too-deep"
    assert scan.defect_position == 100 + 64 * 20
    assert scanned(core, data).status == ("too-deep" if undefined else "done")


def test_implicit_vr_inside_un(core: Any) -> None:
    # PS3.5 6.2.2, in a Big Endian Data Set too: the Items of UN are in Implicit VR Little Endian.
    inner = header((8, 0x50), 4) + b"abcd" + nested(2, undefined=True, vr="")
    for order in "<>":
        data = header((9, 0x1001), UNDEFINED, "UN", order) + header(ITEM, len(inner)) + inner
        data += header(SEQUENCE_END, 0) + header((0x10, 0x20), 2, "LO", order) + b"ab"
        for descend in (False, True):
            scan = scanned(
                core, data, big_endian=order == ">", descend=descend, wanted={0x00080050, 0x00100020}
            )
            assert scan.status == "done"
            assert scan.records == [(0x00100020, b"LO", len(data) - 10, len(data) - 2, 2, 0)]


FRAGMENTS = header(ITEM, 0) + header(ITEM, 6) + b"abcdef" + header(SEQUENCE_END, 0)


@pytest.mark.parametrize("vr", ["OB", "OW", "UN"])
def test_encapsulated_pixel_data(core: Any, vr: str) -> None:
    before = header((0x28, 0x10), 2, "US") + b"\1\0"
    data = before + header((0x7FE0, 0x10), UNDEFINED, vr) + FRAGMENTS
    for wanted in (set[int](), {PIXEL_DATA}):
        scan = scanned(core, data, 50, wanted=wanted)
        assert scan.status == "pixel-data"
        assert scan.records == [(PIXEL_DATA, vr.encode(), 60, 72, -1, 0)]
        assert scan.resume == 72
        scan.feed(data, 50)
        assert scan.resume == 72


def icon(pixel_data: bytes, *, undefined: bool) -> bytes:
    if undefined:
        item = header(ITEM, UNDEFINED) + pixel_data + header(ITEM_END, 0)
        return header((0x88, 0x200), UNDEFINED, "SQ") + item + header(SEQUENCE_END, 0)
    item = header(ITEM, len(pixel_data)) + pixel_data
    return header((0x88, 0x200), len(item), "SQ") + item


@pytest.mark.parametrize("undefined", [False, True])
def test_encapsulated_icons(core: Any, undefined: bool) -> None:
    pixel_data = header((0x7FE0, 0x10), UNDEFINED, "OB") + FRAGMENTS
    data = icon(pixel_data, undefined=undefined) * 70
    one = len(data) // 70
    assert scanned(core, data).records == []
    scan = scanned(core, data, wanted={PIXEL_DATA}, descend=True)
    assert scan.status == "done"
    assert scan.records == [(PIXEL_DATA, b"OB", 20 + one * i, 32 + one * i, -1, 1) for i in range(64)]
    native = icon(header((0x7FE0, 0x10), 4, "OB") + b"abcd", undefined=undefined)
    assert scanned(core, native, wanted={PIXEL_DATA}, descend=True).records == []


US = header((0x28, 0x10), 2, "US") + b"\1\0"
WITHIN = header((8, 0x1140), UNDEFINED, "SQ") + header(ITEM, UNDEFINED)
DEFECTS: dict[str, tuple[bytes, str, int]] = {
    "header cut": (US + US[:7], "truncated", 10),
    "long header cut": (US + header((0x28, 0x10), 0, "UT")[:11], "truncated", 10),
    "value cut": (US + US[:9], "truncated", 10),
    "long value": (US + header((0x28, 0x1201), 0xFFFFFFFE, "OW") + bytes(20), "truncated", 10),
    "nested value beyond the end": (WITHIN + header((0x28, 0x10), 20, "UT"), "truncated", 20),
    "no end of sequence": (WITHIN + header(ITEM_END, 0), "truncated", 28),
    "no end of item": (WITHIN + US, "truncated", 30),
    "sequence beyond the end": (header((8, 0x1140), 9, "SQ") + bytes(8), "truncated", 0),
    "item beyond its sequence": (
        header((8, 0x1140), 16, "SQ") + header(ITEM, 9) + bytes(8) + US,
        "bad-structure",
        12,
    ),
    "value beyond its item": (
        header((8, 0x1140), 18, "SQ") + header(ITEM, 10) + US[:6] + b"\x03" + US[7:] + US,
        "bad-structure",
        20,
    ),
    "header beyond its item": (
        header((8, 0x1140), 12, "SQ") + header(ITEM, 4) + US[:4] + US,
        "bad-structure",
        20,
    ),
    "undefined sequence inside a defined one, no end": (
        header((8, 0x1140), 28, "SQ") + header(ITEM, 20) + WITHIN + US,
        "bad-structure",
        40,
    ),
    "element where an item ought to be": (header((8, 0x1140), UNDEFINED, "SQ") + US, "bad-structure", 12),
    "item delimitation where an item ought to be": (
        header((8, 0x1140), UNDEFINED, "SQ") + header(ITEM_END, 0),
        "bad-structure",
        12,
    ),
    "sequence delimitation inside an item": (WITHIN + header(SEQUENCE_END, 0), "bad-structure", 20),
    "item inside an item": (WITHIN + header(ITEM, 0), "bad-structure", 20),
    "item at the top": (US + header(ITEM, 0), "bad-structure", 10),
    "item delimitation at the top": (US + header(ITEM_END, 0), "bad-structure", 10),
    "sequence delimitation at the top": (US + header(SEQUENCE_END, 0), "bad-structure", 10),
    "sequence delimitation in a defined sequence": (
        header((8, 0x1140), 8, "SQ") + header(SEQUENCE_END, 0),
        "bad-structure",
        12,
    ),
    "text of undefined length": (US + header((8, 0x119), UNDEFINED, "UC") + bytes(8), "bad-structure", 10),
    "fragment of undefined length": (
        WITHIN + header((0x7FE0, 0x10), UNDEFINED, "OB") + header(ITEM, UNDEFINED) + bytes(8),
        "bad-structure",
        32,
    ),
    "element between fragments": (WITHIN + header((0x7FE0, 0x10), UNDEFINED, "OB") + US, "bad-structure", 32),
    "fragment beyond the end": (
        WITHIN + header((0x7FE0, 0x10), UNDEFINED, "OB") + header(ITEM, 9) + bytes(8),
        "truncated",
        32,
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_defects(core: Any, name: str) -> None:
    data, status, position = DEFECTS[name]
    for window_nbytes in (0, 12, 17):
        scan = scanned(core, data, 1000, window_nbytes, descend=True)
        assert (scan.status, scan.defect_position) == (status, 1000 + position)
        scan.feed(data, 1000)
        assert scan.status == status


def test_short_native_pixel_data_is_recorded(core: Any) -> None:
    data = US + header((0x7FE0, 0x10), 100, "OW") + bytes(60)
    scan = scanned(core, data, wanted={PIXEL_DATA})
    assert scan.status == "truncated"
    assert scan.records == [(PIXEL_DATA, b"OW", 10, 22, 100, 0)]


def test_empty_data_set(core: Any) -> None:
    scan = scan_of(core, 0, 132)
    assert (scan.status, scan.resume, scan.records) == ("done", 132, [])


def test_values_need_not_be_in_any_window(core: Any) -> None:
    scan = scan_of(core, 5_000_000_012, wanted={PIXEL_DATA})
    scan.feed(header((0x7FE0, 0x10), 4_000_000_000, "OW"), 0)
    assert (scan.status, scan.resume) == ("more", 4_000_000_012)
    scan.feed(header((0xFFFC, 0xFFFC), 999_999_988, "OB"), 4_000_000_012)
    assert (scan.status, scan.resume) == ("done", 5_000_000_012)


def test_100_000_nested_items(core: Any) -> None:
    item = header(ITEM, UNDEFINED) + nested(1, undefined=True) + US + header(ITEM_END, 0)
    data = header((0x5200, 0x9230), UNDEFINED, "SQ") + item * 100_000 + header(SEQUENCE_END, 0)
    assert scanned(core, data, window_nbytes=1 << 20, descend=True).status == "done"


@pytest.mark.parametrize(("start", "stop", "position"), [(-1, 5, 0), (6, 5, 6), (0, 5, 1), (0, 5, -1)])
def test_positions_out_of_range(core: Any, start: int, stop: int, position: int) -> None:
    with pytest.raises(ValueError, match=r"must not"):
        core.ElementScan(
            start=start, stop=stop, implicit_vr=False, big_endian=False, wanted=set(), descend=False
        ).feed(bytes(8), position)


def pieces() -> st.SearchStrategy[bytes]:
    tags = st.sampled_from([ITEM, ITEM_END, SEQUENCE_END, (8, 0x1140), (0x7FE0, 0x10), (0x28, 0x10)])
    nbytes = st.one_of(st.integers(0, 40), st.just(UNDEFINED))
    vrs = st.sampled_from(["", "SQ", "UN", "OB", "UT"])
    headers = st.builds(header, tags, nbytes, vrs, st.sampled_from("<<<>"))
    return st.one_of(headers, headers, headers, st.just(US), st.binary(max_size=12))


@given(
    st.lists(pieces(), max_size=30).map(b"".join),
    st.sampled_from(ENCODINGS),
    st.booleans(),
    st.integers(12, 60),
)
def test_any_bytes(
    core: Any, data: bytes, encoding: tuple[bool, bool], descend: bool, window_nbytes: int
) -> None:
    options: dict[str, Any] = {"implicit_vr": encoding[0], "big_endian": encoding[1], "descend": descend}
    options["wanted"] = {0x00280010, PIXEL_DATA}
    found = scanned(core, data, 7, **options)
    for other in (scanned(core, data, 7, window_nbytes, **options), scanned(_reference, data, 7, **options)):
        assert (other.status, other.resume, other.records) == (found.status, found.resume, found.records)
        assert other.defect_position == found.defect_position
    assert found.status in {"done", "pixel-data", "bad-structure", "too-deep", "truncated"}
    assert 7 <= found.resume <= 7 + len(data)
