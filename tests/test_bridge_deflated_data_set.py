# SPDX-License-Identifier: Apache-2.0
import gzip
import io
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framedeflate.data_set.deflated import InflatedDataSet, deflate_data_set, inflate_data_set
from framedeflate.errors import DicomFormatError
from peers import PYDICOM_FILES, data_set_bytes, require_peer


def inflate(data: bytes, **kwargs: int) -> tuple[bytes, InflatedDataSet]:
    out = io.BytesIO()
    result = inflate_data_set(io.BytesIO(data).read, out.write, **kwargs)
    assert result.nbytes == len(out.getvalue())
    return out.getvalue(), result


def raw(data: bytes, level: int = 6) -> bytes:
    deflater = zlib.compressobj(level, zlib.DEFLATED, -15)
    return deflater.compress(data) + deflater.flush()


SAMPLES = [
    b"",
    b"x",
    bytes(3 << 20),
    np.random.default_rng(3).integers(0, 256, 3_000_001, "u1").tobytes(),
    b"0123456789" * 400_000,
]


@pytest.mark.parametrize("data", SAMPLES, ids=len)
@pytest.mark.parametrize("level", [0, 1, 9])
def test_zlibs_streams_are_read(data: bytes, level: int) -> None:
    stream = raw(data, level)
    assert inflate(stream) == (data, InflatedDataSet(len(data), len(stream), 0, ""))
    padded = stream + b"\0" * (len(stream) & 1)
    assert inflate(padded)[1].trailing_nbytes == 0


@pytest.mark.parametrize("data", SAMPLES, ids=len)
@pytest.mark.parametrize("level", [1, 6, 9])
def test_zlib_reads_ours(data: bytes, level: int) -> None:
    out = io.BytesIO()
    nbytes = deflate_data_set(io.BytesIO(data).read, out.write, level=level)
    inflater = zlib.decompressobj(-15)
    assert inflater.decompress(out.getvalue()) == data
    assert inflater.eof
    assert inflater.unused_data in (b"", b"\0")
    assert nbytes == len(out.getvalue())
    assert nbytes % 2 == 0


def test_a_source_that_answers_in_small_pieces() -> None:
    source = io.BytesIO(raw(SAMPLES[4]))
    out = io.BytesIO()
    inflate_data_set(lambda nbytes: source.read(min(nbytes, 7)), out.write)
    assert out.getvalue() == SAMPLES[4]


def test_pydicoms_file_and_dcmtks_reading(tmp_path: Path) -> None:
    uid, position, data = data_set_bytes(PYDICOM_FILES / "image_dfl.dcm")
    assert uid == "1.2.840.10008.1.2.1.99"
    inflated, result = inflate(data, position=position)
    # Its writer left CRC-32 and size of a gzip trailer behind the stream.
    assert (result.trailing_nbytes, result.wrapper) == (8, "")
    assert data[-8:] == zlib.crc32(inflated).to_bytes(4, "little") + len(inflated).to_bytes(4, "little")
    assert pydicom.dcmread(PYDICOM_FILES / "image_dfl.dcm").PixelData in inflated
    out = io.BytesIO((PYDICOM_FILES / "image_dfl.dcm").read_bytes()[:position])
    out.seek(0, io.SEEK_END)
    deflate_data_set(io.BytesIO(inflated).read, out.write)
    (tmp_path / "deflated.dcm").write_bytes(out.getvalue())
    subprocess.run(
        [require_peer("dcmconv"), "+te", tmp_path / "deflated.dcm", tmp_path / "native.dcm"], check=True
    )
    assert data_set_bytes(tmp_path / "native.dcm")[2] == inflated


@pytest.mark.parametrize("trailing", [b"\0\0", b"\0" * 5000, b"ab", bytes(1 << 20)])
def test_what_follows_the_stream_is_counted(trailing: bytes) -> None:
    stream = raw(b"a Data Set")
    assert inflate(stream + trailing)[1].trailing_nbytes == len(trailing)


def test_a_pad_is_nothing_only_behind_an_odd_stream() -> None:
    streams = {len(raw(bytes(n))) & 1: raw(bytes(n)) for n in range(2000)} | {
        len(raw(b"%d" % n)) & 1: raw(b"%d" % n) for n in range(2000)
    }
    assert inflate(streams[1] + b"\0")[1].trailing_nbytes == 0
    assert inflate(streams[0] + b"\0")[1].trailing_nbytes == 1
    assert inflate(streams[1] + b"\1")[1].trailing_nbytes == 1


@pytest.mark.parametrize("data", SAMPLES, ids=len)
def test_wrapped_streams_are_read_and_named(data: bytes) -> None:
    assert inflate(zlib.compress(data))[0] == data
    assert inflate(zlib.compress(data))[1].wrapper == "zlib"
    assert inflate(gzip.compress(data, mtime=0))[0] == data
    assert inflate(gzip.compress(data, mtime=0) + b"\0")[1].wrapper == "gzip"


def test_a_stored_block_that_looks_like_a_zlib_header_is_raw() -> None:
    # 78 is a stored, not final, block whose padding bits are set; 01 makes the two a multiple of 31.
    payload = bytes(range(256))[:0x01]
    stream = b"\x78\x01\x00\xfe\xff" + payload + raw(b"rest")
    assert zlib.decompress(stream, wbits=-15) == payload + b"rest"
    assert inflate(stream)[0] == payload + b"rest"


@pytest.mark.parametrize("make", [raw, zlib.compress, gzip.compress])
@pytest.mark.parametrize("keep", [0, 5, 1000])
def test_a_cut_stream_is_truncated(make: "object", keep: int) -> None:
    assert callable(make)
    stream = make(SAMPLES[3][:100_000])
    with pytest.raises(DicomFormatError) as caught:
        inflate(stream[:keep], position=300)
    assert caught.value.kind == "truncated"
    assert caught.value.position == 300 + keep


def test_broken_streams_are_named() -> None:
    with pytest.raises(DicomFormatError) as caught:
        inflate(b"\x07" + bytes(100), position=300)
    assert (caught.value.kind, caught.value.position) == ("bad-value", 300)
    wrapped = bytearray(zlib.compress(b"checked"))
    wrapped[-1] ^= 1
    with pytest.raises(DicomFormatError) as caught:
        inflate(bytes(wrapped))
    assert caught.value.kind == "bad-value"


def test_the_limit_holds_and_bounds_what_is_written() -> None:
    bomb = raw(bytes(64 << 20), 9)
    written = 0

    def write(block: bytes) -> None:
        nonlocal written
        assert len(block) <= 1 << 20
        written += len(block)

    with pytest.raises(DicomFormatError) as caught:
        inflate_data_set(io.BytesIO(bomb).read, write, limit_nbytes=(2 << 20) + 5)
    assert caught.value.kind == "too-large"
    assert written <= 3 << 20
    assert inflate(raw(bytes(100)), limit_nbytes=100)[0] == bytes(100)
    with pytest.raises(DicomFormatError):
        inflate(raw(bytes(101)), limit_nbytes=100)


@given(st.binary(max_size=300))
def test_any_bytes_end_as_zlib_says(data: bytes) -> None:
    judge = zlib.decompressobj(-15)
    try:
        expected = judge.decompress(data) if judge is not None else b""
    except zlib.error:
        expected = None
    try:
        inflated, result = inflate(data)
    except DicomFormatError:
        assert expected is None or not judge.eof or data[:1] in b"\x08\x18\x28\x38\x48\x58\x68\x78"
    else:
        assert result.wrapper or inflated == expected
