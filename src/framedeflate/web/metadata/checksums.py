# SPDX-License-Identifier: Apache-2.0
"""The checksum of two texts joined, from those of each: neither is looked at again (RFC 1950 9, RFC 1952 8)."""

from typing import Final

__all__ = ["joined_adler32", "joined_crc32"]

_ADLER: Final = 65521
_CRC: Final = 0xEDB88320
"""The polynomial of CRC-32, the bit of x^31 lowest; x^0 is bit 31."""

_ONE: Final = 1 << 31


def joined_adler32(first: int, second: int, second_nbytes: int) -> int:
    """Return the Adler-32 of two texts, one behind the other."""
    first_a, first_b = first & 0xFFFF, first >> 16
    second_a, second_b = second & 0xFFFF, second >> 16
    # Both sums of the second began with a = 1, where joined it begins with the first's a.
    a = (first_a + second_a - 1) % _ADLER
    b = (first_b + second_b + second_nbytes * (first_a - 1)) % _ADLER
    return b << 16 | a


def joined_crc32(first: int, second: int, second_nbytes: int) -> int:
    """Return the CRC-32 of two texts, one behind the other."""
    # A text behind the first multiplies its remainder by x for each bit.
    return _times(first, _power_of_x(8 * second_nbytes)) ^ second


def _times(left: int, right: int) -> int:
    """Multiply modulo the polynomial."""
    product = 0
    for bit in range(31, -1, -1):
        if left >> bit & 1:
            product ^= right
        right = right >> 1 ^ (_CRC if right & 1 else 0)
    return product


def _powers() -> tuple[int, ...]:
    """Return x^1, x^2, x^4, ... modulo the polynomial."""
    powers = [_ONE >> 1]
    for _ in range(63):
        powers.append(_times(powers[-1], powers[-1]))
    return tuple(powers)


_POWERS: Final = _powers()


def _power_of_x(exponent: int) -> int:
    power = _ONE
    for place in range(exponent.bit_length()):
        if exponent >> place & 1:
            power = _times(power, _POWERS[place])
    return power
