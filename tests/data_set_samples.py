# SPDX-License-Identifier: Apache-2.0
"""A Data Set as a tree, and the plainest possible writer of it in each encoding."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
WORDS = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), "<u2"),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), "<u4"),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), "<u8"),
}


class Node(NamedTuple):
    """An element: `value` in Little Endian, or the Items of a sequence."""

    tag: int
    vr: str
    value: "bytes | Sequence[Sequence[Node]]"
    undefined_length: bool = False


def write(nodes: "Sequence[Node]", *, implicit: bool = False, big: bool = False) -> bytes:
    return b"".join(_write_node(node, implicit, big) for node in nodes)


def _write_node(node: Node, implicit: bool, big: bool) -> bytes:
    order = ">" if big else "<"
    if isinstance(node.value, bytes):
        value = node.value
        if big and node.vr in WORDS:
            value = np.frombuffer(value, WORDS[node.vr]).byteswap().tobytes()
        nbytes = len(value)
    else:
        value = b"".join(_write_item(item, implicit, big, node.undefined_length) for item in node.value)
        nbytes = len(value)
        if node.undefined_length:
            value += struct.pack(order + "HHI", 0xFFFE, 0xE0DD, 0)
            nbytes = 0xFFFFFFFF
    group, element = node.tag >> 16, node.tag & 0xFFFF
    if implicit:
        return struct.pack("<HHI", group, element, nbytes) + value
    if node.vr in LONG:
        return struct.pack(order + "HH2sHI", group, element, node.vr.encode(), 0, nbytes) + value
    return struct.pack(order + "HH2sH", group, element, node.vr.encode(), nbytes) + value


def _write_item(item: "Sequence[Node]", implicit: bool, big: bool, undefined_length: bool) -> bytes:
    order = ">" if big else "<"
    value = write(item, implicit=implicit, big=big)
    if not undefined_length:
        return struct.pack(order + "HHI", 0xFFFE, 0xE000, len(value)) + value
    start, end = ((0xFFFE, 0xE000, 0xFFFFFFFF), (0xFFFE, 0xE00D, 0))
    return struct.pack(order + "HHI", *start) + value + struct.pack(order + "HHI", *end)
