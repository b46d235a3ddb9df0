# SPDX-License-Identifier: Apache-2.0
"""inflate_frames on blocks laid down bit by bit: every defect there is, and what is rare but legal."""

import zlib
from typing import Any

import numpy as np
import pytest

from deflate_streams import (
    BAD_DATA,
    EXCESS_OUTPUT,
    NONE,
    NOT_TERMINATED,
    SHORT_OUTPUT,
    Bits,
    any_length_header,
    dynamic_header,
    fixed,
    inflate,
    length_symbol,
    stored,
)

LITERAL_0 = "00110000"  # the fixed code of byte 0; the end of the block is 0000000, length 3 is 0000001
DEFECTS: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", NOT_TERMINATED),
    "reserved block type": (Bits().number(1, 1).number(3, 2).data(), BAD_DATA),
    "stored length without its complement": (bytes([1, 1, 0, 0xFF, 0xFF, 0]), BAD_DATA),
    "stored header cut": (bytes([1, 4, 0, 0xFB]), NOT_TERMINATED),
    "stored bytes cut": (stored(b"abcd").data()[:-1], NOT_TERMINATED),
    "stored, no final block": (stored(b"abcd", final=0).data(), NOT_TERMINATED),
    "stored, too short": (stored(b"abc").data(), SHORT_OUTPUT),
    "stored, too long": (stored(b"abcde").data(), EXCESS_OUTPUT),
    "stored, too long and cut just there": (stored(b"abcde").data()[:-1], NOT_TERMINATED),
    "length code 286": (fixed().code("11000110").data(), BAD_DATA),
    "length code 287": (fixed().code("11000111").data(), BAD_DATA),
    "distance code 30": (fixed().code(LITERAL_0).code("0000001").code("11110").data(), BAD_DATA),
    "distance code 31": (fixed().code(LITERAL_0).code("0000001").code("11111").data(), BAD_DATA),
    "distance before the first byte": (fixed().code("0000001").code("00000").data(), BAD_DATA),
    "distance one too far": (fixed().code(LITERAL_0).code("0000001").code("00001").data(), BAD_DATA),
    "match beyond the frame": (
        fixed().code(LITERAL_0).code("0000011").code("00000").code("0000000").data(),
        EXCESS_OUTPUT,
    ),
    "bad distance once the frame is full": (
        fixed().code(LITERAL_0 * 4).code("0000001").code("11111").data(),
        BAD_DATA,
    ),
    "reserved block type once the frame is full": (
        stored(b"abcd", final=0).number(1, 1).number(3, 2).data(),
        BAD_DATA,
    ),
    "no more blocks once the frame is full": (stored(b"abcd", final=0).data(), NOT_TERMINATED),
    "287 literal and length codes": (dynamic_header({0: 1, 256: 1}, nliterals=287).data(), BAD_DATA),
    "31 distance codes": (dynamic_header({0: 1, 256: 1}, ndistances=31).data(), BAD_DATA),
    "no end of block": (dynamic_header({0: 1, 1: 1}).data(), BAD_DATA),
    "over-subscribed literals": (dynamic_header({0: 1, 1: 1, 256: 1}).data(), BAD_DATA),
    "incomplete literals": (dynamic_header({0: 2, 256: 2}).data(), BAD_DATA),
    "over-subscribed distances": (
        dynamic_header({0: 1, 256: 1, 257: 1, 258: 1, 259: 1}, ndistances=3).data(),
        BAD_DATA,
    ),
    "incomplete distances": (dynamic_header({0: 1, 256: 1, 257: 2, 258: 2}, ndistances=2).data(), BAD_DATA),
    "a lone distance code of two bits": (dynamic_header({0: 1, 256: 1, 257: 2}).data(), BAD_DATA),
    "the other code of a lone distance code": (
        dynamic_header({0: 2, 256: 2, 257: 1, 258: 1}, nliterals=258).code("00").code("1").code("1").data(),
        BAD_DATA,
    ),
    "a match without distance codes": (
        dynamic_header({0: 2, 256: 2, 257: 1}, nliterals=258).code("10").code("0").code("0").data(),
        BAD_DATA,
    ),
    "an unused code of a lone literal code": (dynamic_header({256: 1}).code("1").data(), BAD_DATA),
    "repeat with no length before it": (
        length_symbol(any_length_header(), 16).number(0, 2).data(),
        BAD_DATA,
    ),
    "empty code for the code lengths": (
        Bits().number(1, 1).number(2, 2).number(0, 14).number(0, 12).number(0, 258).data(),
        BAD_DATA,
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_defects(core: Any, name: str) -> None:
    stream, expected = DEFECTS[name]
    defect, consumed, produced, out = inflate(core, stream, 4)
    assert defect == expected
    assert consumed <= len(stream)
    assert produced <= 4
    assert out == bytes(4)


def test_repeat_beyond_the_last_code(core: Any) -> None:
    bits = any_length_header()
    for _ in range(2):
        length_symbol(bits, 18).number(127, 7)  # 2 * 138 zeros, and there are 258 codes
    assert inflate(core, bits.data(), 4)[0] == BAD_DATA


LEGAL: dict[str, tuple[bytes, bytes]] = {
    "lone literal code, stored after it": (
        dynamic_header({256: 1}, final=0).code("0").code("1").number(0, 2).align().data()
        + stored(b"abcd").data()[1:],
        b"abcd",
    ),
    "no distance code": (dynamic_header({65: 1, 256: 1}).code("0000").code("1").data(), b"AAAA"),
    "lone distance code": (
        dynamic_header({65: 2, 256: 2, 257: 1, 258: 1}, nliterals=258)
        .code("10")
        .code("0")
        .code("0")
        .code("11")
        .data(),
        b"AAAA",
    ),
    "all thirty distance codes": (
        dynamic_header({65: 1, 256: 1} | {257 + d: 5 if d < 28 else 4 for d in range(30)}, ndistances=30)
        .code("0000")
        .code("1")
        .data(),
        b"AAAA",
    ),
    "empty blocks around a full frame": (
        fixed(final=0).code("0000000").number(0, 1).number(0, 2).align().data()
        + bytes([0, 0, 0xFF, 0xFF])
        + stored(b"abcd", final=0).data()
        + bytes([0, 0, 0, 0xFF, 0xFF])
        + fixed().code("0000000").data(),
        b"abcd",
    ),
}


@pytest.mark.parametrize("name", LEGAL)
def test_rare_but_legal(core: Any, name: str) -> None:
    stream, data = LEGAL[name]
    judge = zlib.decompressobj(-15)
    assert judge.decompress(stream) == data
    assert judge.eof
    assert inflate(core, stream, len(data)) == (NONE, len(stream) - len(judge.unused_data), len(data), data)


def test_codes_of_fifteen_bits(core: Any) -> None:
    # Lengths 1, 2, 3 ... 14, 15, 15: the literals need second tables whatever the size of the first.
    symbols = [*range(60, 75), 256]
    lengths = {symbol: min(i + 1, 15) for i, symbol in enumerate(symbols)}
    codes = {symbol: "1" * i + "0" for i, symbol in enumerate(symbols)} | {256: "1" * 15}
    data = bytes(np.random.default_rng(5).choice(symbols[:-1], 5000).tolist())
    bits = dynamic_header(lengths)
    for byte in data:
        bits.code(codes[byte])
    stream = bits.code(codes[256]).data()
    assert zlib.decompress(stream, -15) == data
    assert inflate(core, stream, len(data)) == (NONE, len(stream), len(data), data)
