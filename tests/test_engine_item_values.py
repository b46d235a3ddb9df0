# SPDX-License-Identifier: Apache-2.0
"""read_item_values on sequences written from trees: what it finds is what the tree holds, in each encoding."""

import struct
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_set_samples import Node, write
from element_headers import ENCODINGS, ITEM, ITEM_END, SEQUENCE_END, UNDEFINED, header
from framedeflate import _reference

GROUPS = 0x52009230
SEGMENT, POSITION, CONTENT, OTHER = 0x0062000A, 0x00209113, 0x00209111, 0x00089124
PATHS = ((SEGMENT, 0x0062000B, 2), (POSITION, 0x00200032, 1), (CONTENT, 0x00209157, 4), (0, 0x00620004, 2))

Item = Sequence[Node]


class Read(NamedTuple):
    """What the engine answers, as one would look at it."""

    rows: list[list[bytes | None]]
    resume: int
    status: str
    defect_position: int


def read(core: Any, window: bytes, *, max_items: int = 1000, **options: Any) -> Read:
    flags = {"implicit_vr": False, "big_endian": False, "delimited": False, "last": True} | options
    values, packed, resume, status, defect = core.read_item_values(
        window, paths=PATHS, max_items=max_items, **flags
    )
    sizes = np.frombuffer(packed, np.int16).tolist()
    ends = [0, *accumulate(max(0, size) for size in sizes)]
    assert ends[-1] == len(values)
    cells = [None if size < 0 else values[end : end + size] for size, end in zip(sizes, ends, strict=False)]
    count = len(PATHS)
    return Read([cells[i : i + count] for i in range(0, len(cells), count)], resume, status, defect)


def held(item: Item, sequence: int, tag: int) -> bytes | None:
    """The first such value of a tree, by a plain look."""
    if not sequence:
        return next((n.value for n in item if n.tag == tag and isinstance(n.value, bytes)), None)
    for node in item:
        if node.tag == sequence and not isinstance(node.value, bytes) and node.value:
            value = held(node.value[0], 0, tag)
            if value is not None:
                return value
    return None


def value_of(items: Sequence[Item], *, undefined: bool, implicit: bool = False, big: bool = False) -> bytes:
    """A sequence without its header."""
    return write([Node(GROUPS, "SQ", items, undefined)], implicit=implicit, big=big)[8 if implicit else 12 :]


LEAVES = st.one_of(
    st.builds(Node, st.just(0x0062000B), st.just("US"), st.binary(min_size=2, max_size=2)),
    st.builds(Node, st.just(0x00200032), st.just("DS"), st.sampled_from([b"", b"1\\2", b"-1.5\\2\\3.25e2 "])),
    st.builds(Node, st.just(0x00209157), st.just("UL"), st.sampled_from([b"", bytes(range(8))])),
    st.builds(Node, st.just(0x00620004), st.just("US"), st.binary(min_size=2, max_size=2)),
    st.builds(Node, st.just(0x00189073), st.just("FD"), st.just(b"abcdefgh")),
    st.builds(Node, st.just(0x0020930E), st.just("OB"), st.just(b"\xfe\xff\0\xe0" * 3)),
)


def sequences(inside: st.SearchStrategy[list[Node]]) -> st.SearchStrategy[list[Node]]:
    node = st.builds(
        Node,
        st.sampled_from([SEGMENT, POSITION, CONTENT, OTHER, 0x0040A170]),
        st.just("SQ"),
        st.lists(inside, max_size=3),
        st.booleans(),
    )
    return st.lists(st.one_of(LEAVES, node), max_size=5)


ITEMS = st.lists(st.recursive(st.lists(LEAVES, max_size=3), sequences, max_leaves=12), max_size=6)


@given(ITEMS, st.booleans(), st.sampled_from(ENCODINGS), st.integers(8, 90))
def test_what_a_tree_holds(
    core: Any, items: list[list[Node]], undefined: bool, encoding: tuple[bool, bool], window_nbytes: int
) -> None:
    implicit, big = encoding
    data = value_of(items, undefined=undefined, implicit=implicit, big=big)
    expected = [[held(item, sequence, tag) for sequence, tag, _ in PATHS] for item in items]
    options = {"implicit_vr": implicit, "big_endian": big, "delimited": undefined}
    found = read(core, data, **options)
    assert found == (expected, len(data), "done", -1)
    # With bytes behind it, a sequence of undefined length still ends at its delimiter.
    if undefined:
        assert read(core, data + b"rest", **options) == found
    # Window by window, each of which ends where it likes.
    rows: list[list[bytes | None]] = []
    at, nbytes = 0, window_nbytes
    while True:
        window = data[at : at + nbytes]
        part = read(core, window, last=at + nbytes >= len(data), **options)
        rows += part.rows
        at += part.resume
        if part.status != "more":
            break
        nbytes = window_nbytes if part.resume else 2 * nbytes
    assert (rows, at, part.status) == (expected, len(data), "done")


def test_items_of_un_are_implicit_little(core: Any) -> None:
    # PS3.5 6.2.2, within Big Endian too; of defined and of undefined length.
    inner = struct.pack("<HHI", 0x0062, 0x000B, 2) + b"\5\0"
    item = header(ITEM, len(inner)) + inner
    for order in "<>":
        for undefined in (False, True):
            nbytes = UNDEFINED if undefined else len(item)
            value = item + (header(SEQUENCE_END, 0) if undefined else b"")
            group = header((0x0062, 0x000A), nbytes, "UN", order) + value
            data = header(ITEM, len(group), order=order) + group
            assert read(core, data, big_endian=order == ">").rows == [[b"\5\0", None, None, None]]


def test_only_the_first_item_of_a_group_counts(core: Any) -> None:
    one, other = [Node(0x0062000B, "US", b"\1\0")], [Node(0x0062000B, "US", b"\2\0")]
    for undefined in (False, True):
        data = value_of([[Node(SEGMENT, "SQ", [one, other], undefined)]], undefined=undefined)
        assert read(core, data, delimited=undefined).rows[0][0] == b"\1\0"
        data = value_of([[Node(SEGMENT, "SQ", [[], other], undefined)]], undefined=undefined)
        assert read(core, data, delimited=undefined).rows[0][0] is None


def test_fragments_are_walked_over(core: Any) -> None:
    fragments = header(ITEM, 0) + header(ITEM, 4) + b"abcd" + header(SEQUENCE_END, 0)
    for vr in ("OB", "OW", "UN"):
        icon = header((0x7FE0, 0x10), UNDEFINED, vr) + fragments
        data = header(ITEM, UNDEFINED) + icon + header(ITEM_END, 0) + header(SEQUENCE_END, 0)
        assert read(core, data, delimited=True) == ([[None] * 4], len(data), "done", -1)


def test_too_many_items(core: Any) -> None:
    data = value_of([[], [], []], undefined=True)
    assert read(core, data, delimited=True, max_items=3).status == "done"
    assert read(core, data, delimited=True, max_items=2) == ([[None] * 4] * 2, 32, "many-items", 32)
    assert read(core, data, delimited=True, max_items=0) == ([], 0, "many-items", 0)


@pytest.mark.parametrize("undefined", [False, True])
def test_depth_limit(core: Any, undefined: bool) -> None:
    def nested(depth: int) -> bytes:
        items: list[list[Node]] = [[]]
        for _ in range(depth - 1):
            items = [[Node(SEGMENT, "SQ", items, undefined)]]
        return value_of(items, undefined=undefined)

    assert read(core, nested(64), delimited=undefined).status == "done"
    found = read(core, nested(65), delimited=undefined)
    if undefined:
        assert found == ([], 0, "too-deep", 63 * 20 + 8)
    else:
        assert found.status == "done"  # of defined length, and not asked for: skipped


def test_a_long_value(core: Any) -> None:
    for nbytes in (1024, 1026):
        group = [Node(POSITION, "SQ", [[Node(0x00200032, "DS", b"1" * nbytes)]])]
        found = read(core, value_of([group], undefined=False))
        if nbytes == 1024:
            assert found.rows[0][1] == b"1" * nbytes
        else:
            assert found == ([], 0, "long-value", 8 + 12 + 8)


GOOD = value_of([[Node(SEGMENT, "SQ", [[Node(0x0062000B, "US", b"\1\0")]], True)]] * 2, undefined=True)


@pytest.mark.parametrize(
    ("data", "delimited", "status", "position"),
    [
        (b"", True, "truncated", 0),
        (b"", False, "done", -1),
        (GOOD[:-1], True, "truncated", len(GOOD) - 8),
        (GOOD[:30], True, "truncated", 28),
        (header(ITEM, 4) + b"abcd", False, "truncated", 8),
        (header(ITEM, 4) + b"abcd" + header(ITEM, 0), False, "bad-structure", 8),
        (header(ITEM, 0xFFFFFFFE), False, "truncated", 0),
        (header(ITEM, 8) + header(ITEM_END, 0), False, "bad-structure", 8),
        (header(SEQUENCE_END, 0), False, "bad-structure", 0),
        (header((8, 0x50), 0, "SH"), True, "bad-structure", 0),
        (header(ITEM, 8) + header((8, 0x50), 2, "SH"), False, "truncated", 8),
        (header(ITEM, 8) + header((8, 0x50), 2, "SH") + header(ITEM, 0), False, "bad-structure", 8),
        (header(ITEM, UNDEFINED) + header((8, 0x50), UNDEFINED, "OD"), True, "bad-structure", 8),
        (header(ITEM, UNDEFINED) + header((8, 0x50), UNDEFINED, "SQ"), True, "truncated", 20),
        (
            header(ITEM, UNDEFINED) + header((0x7FE0, 0x10), UNDEFINED, "OB") + header(ITEM, UNDEFINED),
            True,
            "bad-structure",
            20,
        ),
    ],
)
def test_defects(core: Any, data: bytes, delimited: bool, status: str, position: int) -> None:
    found = read(core, data, delimited=delimited)
    assert (found.status, found.defect_position) == (status, position)
    # Where more may follow, a window that ends early is no defect.
    if status == "truncated":
        more = read(core, data, delimited=delimited, last=False)
        assert (more.status, more.defect_position, more.resume) == ("more", -1, found.resume)


def test_arguments_out_of_range(core: Any) -> None:
    flags = {"implicit_vr": False, "big_endian": False, "delimited": True, "last": True}
    for paths, max_items in (((), 1), (PATHS * 17, 1), (PATHS, -1), (PATHS, 1 << 31), (((0, 1, 0),), 1)):
        with pytest.raises(ValueError, match="must"):
            core.read_item_values(GOOD, paths=paths, max_items=max_items, **flags)


SAMPLES = st.sampled_from(
    [
        value_of([[Node(tag, "SQ", [[Node(0x0062000B, vr, b"\1\0")]], undefined)]] * 3, undefined=undefined)
        for undefined in (False, True)
        for tag in (SEGMENT, OTHER)
        for vr in ("US", "UN")
    ]
)
EDITS = st.lists(st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=4)), max_size=4)


FLAGS = st.fixed_dictionaries(
    {
        "delimited": st.booleans(),
        "last": st.booleans(),
        "implicit_vr": st.booleans(),
        "big_endian": st.booleans(),
    }
)


@given(SAMPLES, EDITS, FLAGS, st.integers(0, 200))
def test_both_engines_agree_on_any_bytes(
    core: Any, sample: bytes, edits: list[tuple[int, bytes]], flags: dict[str, bool], nbytes: int
) -> None:
    data = bytearray(sample)
    for at, new in edits:
        data[at : at + len(new)] = new
    window = bytes(data[:nbytes] if nbytes < 150 else data)
    found = read(core, window, max_items=2, **flags)
    assert found == read(_reference, window, max_items=2, **flags)
    assert 0 <= found.resume <= len(window)
    assert -1 <= found.defect_position <= len(window)
