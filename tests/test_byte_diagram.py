# SPDX-License-Identifier: Apache-2.0
"""The picture of the format says what pydicom and zlib find in its bytes."""

import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom.encaps import encapsulate, generate_fragments, parse_basic_offsets

import byte_diagram

BYTE = re.compile(r'class="byte"[^>]*data-position="(\d+)">([0-9A-F]{2})<')
KIND = re.compile(r'<rect class="(\w+)"[^>]*/>\n<text class="byte"')
LIT = re.compile(r'data-frame="(\d+)"[^>]* d="([^"]*)"')
GROUND = re.compile(r'<rect class="off" x="(\d+)" y="(\d+)"')


def kept() -> str:
    return byte_diagram.PICTURE.read_text(encoding="utf-8")


def drawn_anew(tmp_path: Path) -> str:
    return byte_diagram.picture_of(byte_diagram.write_file(tmp_path))


@pytest.mark.parametrize("which", ["kept", "drawn anew"])
def test_the_picture_is_true(which: str, tmp_path: Path) -> None:
    picture = kept() if which == "kept" else drawn_anew(tmp_path)
    shown = [(int(position), int(value, 16)) for position, value in BYTE.findall(picture)]
    first = shown[0][0]
    assert [position for position, _ in shown] == list(range(first, first + len(shown)))

    element = bytes(value for _, value in shown)
    assert element[:12] == b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
    assert element[-8:] == b"\xfe\xff\xdd\xe0\0\0\0\0"
    value = element[12:-8]
    fragments = list(generate_fragments(value))[1:]
    assert value == encapsulate(fragments, has_bot=True)

    kinds = KIND.findall(picture)
    assert len(kinds) == len(element)
    for index, fragment in enumerate(fragments):
        inflater = zlib.decompressobj(wbits=-15)
        native = inflater.decompress(fragment)
        assert inflater.eof
        start = element.index(fragment)
        stream_nbytes = len(fragment) - len(inflater.unused_data)
        assert inflater.unused_data == b"\0" * (stream_nbytes % 2)
        assert kinds[start : start + len(fragment)] == ["stream"] * stream_nbytes + ["pad"] * (
            stream_nbytes % 2
        )
        assert f"Frame {index + 1}, {len(fragment)} bytes" in picture
        assert np.array_equal(
            lit(picture, index), np.unpackbits(np.frombuffer(native, np.uint8), bitorder="little")
        )
    assert "pad" in kinds

    offsets = parse_basic_offsets(value)
    assert [element.index(fragment) - 8 - (12 + 8 + 4 * len(offsets)) for fragment in fragments] == offsets
    assert f"{', '.join(map(str, offsets))}<" in picture
    shown_offsets = re.findall(r'<rect class="offset"[^>]*/>\n<text class="place"[^>]*>(\d+)<', picture)
    assert [int(offset) for offset in shown_offsets] == offsets


def lit(picture: str, index: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The pixels that a Frame's small picture shows, one after the other."""
    number, path = LIT.findall(picture)[index]
    assert int(number) == index + 1
    left, top = map(int, GROUND.findall(picture)[index])
    pixels = np.zeros((byte_diagram.SIDE, byte_diagram.SIDE), np.uint8)
    for x, y in re.findall(r"M(\d+) (\d+)", path):
        pixels[(int(y) - top) // 3, (int(x) - left) // 3] = 1
    return pixels.ravel()
