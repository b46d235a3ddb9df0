# SPDX-License-Identifier: Apache-2.0
"""Texts deflated apart and sent as one payload: zlib and gzip read what comes of it."""

import gzip
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framedeflate.web.metadata import coded_text
from framedeflate.web.metadata.checksums import joined_adler32, joined_crc32
from framedeflate.web.metadata.coded_text import PayloadCoder, code

TEXTS = st.lists(st.tuples(st.booleans(), st.binary(max_size=400)), max_size=6)


@given(first=st.binary(max_size=300), second=st.binary(max_size=300))
def test_checksums_of_two_texts(first: bytes, second: bytes) -> None:
    adler = joined_adler32(zlib.adler32(first), zlib.adler32(second), len(second))
    assert adler == zlib.adler32(first + second)
    crc = joined_crc32(zlib.crc32(first), zlib.crc32(second), len(second))
    assert crc == zlib.crc32(first + second)


def test_checksums_of_long_texts() -> None:
    text = bytes(range(256)) * 5000
    assert joined_crc32(zlib.crc32(text), zlib.crc32(text[:-1]), len(text) - 1) == zlib.crc32(
        text + text[:-1]
    )
    assert joined_adler32(zlib.adler32(text), zlib.adler32(text), len(text)) == zlib.adler32(text * 2)


def payload(texts: list[tuple[bool, bytes]], coding: str | None) -> bytes:
    coder = PayloadCoder(coding)
    parts = [coder.start()]
    for is_coded, text in texts:
        parts += coder.coded(code([text[:7], text[7:]])) if is_coded else [coder.plain(text)]
    return b"".join([*parts, coder.end()])


@given(texts=TEXTS)
def test_texts_joined_in_each_coding(texts: list[tuple[bool, bytes]]) -> None:
    expected = b"".join(text for _, text in texts)
    assert zlib.decompress(payload(texts, "deflate")) == expected
    assert gzip.decompress(payload(texts, "gzip")) == expected
    assert payload(texts, None) == expected


def test_a_long_stream_lies_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coded_text, "_HELD_NBYTES", 1000)
    text = b"".join(str(number * number).encode() for number in range(200_000))
    coded = code((text[at : at + 5000] for at in range(0, len(text), 5000)), folder=tmp_path)
    assert coded.file is not None
    assert not list(tmp_path.iterdir())
    assert b"".join(coded.text()) == text
    assert sum(len(block) for block in coded.stream()) == coded.stream_nbytes
    coder = PayloadCoder("gzip")
    assert gzip.decompress(coder.start() + b"".join(coder.coded(coded)) + coder.end()) == text


def test_a_highly_compressible_text_comes_in_blocks() -> None:
    coded = code([bytes(10 << 20)])
    blocks = list(coded.text())
    assert sum(map(len, blocks)) == 10 << 20
    assert max(map(len, blocks)) <= 1 << 18
