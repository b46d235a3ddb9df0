# SPDX-License-Identifier: Apache-2.0
"""DEFLATE streams for the tests: made by zlib, or laid down bit by bit from RFC 1951."""

import zlib
from typing import Any

NONE, BAD_DATA, SHORT_OUTPUT, EXCESS_OUTPUT, NOT_TERMINATED = range(5)
"""The defects of `inflate_frames`."""


def deflated(data: bytes, level: int = 6, strategy: int = zlib.Z_DEFAULT_STRATEGY, wbits: int = -15) -> bytes:
    deflater = zlib.compressobj(level, zlib.DEFLATED, wbits, 8, strategy)
    return deflater.compress(data) + deflater.flush()


class Bits:
    """Lays bits down as RFC 1951 3.1.1 says: numbers from the lowest bit up, codes from the highest down."""

    def __init__(self) -> None:
        self._bits: list[int] = []

    def number(self, value: int, nbits: int) -> "Bits":
        self._bits += [value >> i & 1 for i in range(nbits)]
        return self

    def code(self, bits: str) -> "Bits":
        self._bits += [int(bit) for bit in bits]
        return self

    def align(self) -> "Bits":
        self._bits += [0] * (-len(self._bits) % 8)
        return self

    def data(self) -> bytes:
        self.align()
        groups = [self._bits[i : i + 8] for i in range(0, len(self._bits), 8)]
        return bytes(sum(bit << i for i, bit in enumerate(group)) for group in groups)


def any_length_header(nliterals: int = 257, ndistances: int = 1, final: int = 1) -> Bits:
    """Begin a dynamic block up to the code lengths, of which `length_symbol` can send any."""
    bits = Bits().number(final, 1).number(2, 2)
    bits.number(nliterals - 257, 5).number(ndistances - 1, 5).number(19 - 4, 4)
    for symbol in (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15):
        bits.number(4 if symbol < 13 else 5, 3)
    return bits


def dynamic_header(
    lengths: dict[int, int], nliterals: int = 257, ndistances: int = 1, final: int = 1
) -> Bits:
    """Begin a dynamic block with these code lengths; that of distance code d has the key nliterals + d."""
    bits = any_length_header(nliterals, ndistances, final)
    for symbol in range(nliterals + ndistances):
        length_symbol(bits, lengths.get(symbol, 0))
    return bits


def length_symbol(bits: Bits, symbol: int) -> Bits:
    return bits.code(f"{symbol:04b}" if symbol < 13 else f"{26 + symbol - 13:05b}")


def stored(data: bytes, final: int = 1) -> Bits:
    bits = Bits().number(final, 1).number(0, 2).align().number(len(data), 16).number(len(data) ^ 0xFFFF, 16)
    for byte in data:
        bits.number(byte, 8)
    return bits


def fixed(final: int = 1) -> Bits:
    return Bits().number(final, 1).number(1, 2)


def inflate(core: Any, stream: bytes, nbytes: int) -> tuple[int, int, int, bytes]:
    out = bytearray(b"\xa5" * nbytes)
    defects, consumed, produced = core.inflate_frames([stream], nbytes, out, 1)
    return defects[0], consumed[0], produced[0], bytes(out)
