# SPDX-License-Identifier: Apache-2.0
"""Files by an attacker: whatever they hold, a FrameDeflateError or a result, and memory that they cannot choose."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from child import SETUP, run_child
from corpus import wheel_file
from dicom_writer import (
    EXPLICIT_LITTLE,
    data_set,
    element,
    extended,
    image,
    item,
    offsets,
    part10,
    pixel_data,
    us,
)
from framedeflate import (
    FrameDeflateError,
    FrameReader,
    compress_file,
    decompress_file,
    verify_file,
)
from framedeflate.errors import DicomFormatError

VECTORS = sorted((Path(__file__).parent / "vectors").glob("*.dcm"))

# Native, Implicit, Big Endian, deflated whole, RLE. JPEG's decoders are others', and not ours to harden.
REAL = [
    wheel_file(name)
    for name in (
        "MR_small.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "SC_rgb_small_odd_big_endian.dcm",
        "image_dfl.dcm",
        "rtdose_rle_1frame.dcm",
        "rtdose_expb_1frame.dcm",
        "nested_priv_SQ.dcm",
    )
]


def read_all(path: Path) -> None:
    for strict in (True, False):
        with FrameReader.open(path, strict=strict) as reader:
            for frame in reader:
                assert frame.size


def try_everything(file: bytes) -> None:
    """Nothing but a FrameDeflateError may come out, and nothing may be left behind by what failed."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source.dcm"
        source.write_bytes(file)
        actions: list[Callable[[], object]] = [
            lambda: verify_file(source),
            lambda: read_all(source),
            lambda: compress_file(source, folder / "compressed"),
            lambda: decompress_file(source, folder / "decompressed"),
            lambda: decompress_file(source, folder / "implicit", implicit_vr=True),
            lambda: compress_file(source, folder / "rgb", photometric_interpretation="RGB", strict=False),
        ]
        for act in actions:
            before = set(folder.iterdir())
            try:
                act()
            except FrameDeflateError:
                assert set(folder.iterdir()) == before
        assert source.read_bytes() == file


def mutate(file: bytes, edits: list[tuple[str, int, bytes]]) -> bytes:
    """Overwrite, insert, delete or cut at places counted from 128 on, where a file begins to differ from others."""
    for kind, where, piece in edits:
        at = min(128, len(file)) + where % max(1, len(file) - 128)
        if kind == "overwrite":
            file = file[:at] + piece + file[at + len(piece) :]
        elif kind == "insert":
            file = file[:at] + piece + file[at:]
        elif kind == "delete":
            file = file[:at] + file[at + len(piece) :]
        else:
            file = file[:at]
    return file


PIECES = st.one_of(
    st.binary(min_size=1, max_size=12),
    st.sampled_from(
        [
            b"\xff\xff\xff\xff",
            b"\xfe\xff\xff\xff",
            b"\0\0\0\0",
            b"\xff\xff",
            b"SQ\0\0\xff\xff\xff\xff",
            b"\xfe\xff\x00\xe0\xff\xff\xff\xff",
            b"\xfe\xff\x00\xe0\x00\x00\x00\x00",
            b"\xfe\xff\x0d\xe0\x00\x00\x00\x00",
            b"\xfe\xff\xdd\xe0\x00\x00\x00\x00",
            b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff",
            b"\xe0\x7f\x10\x00OW\0\0\x04\x00\x00\x00",
        ]
    ),
)
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["overwrite"] * 4 + ["insert", "delete", "cut"]), st.integers(0, 1 << 16), PIECES
    ),
    min_size=1,
    max_size=4,
)


@given(path=st.sampled_from(VECTORS), edits=EDITS)
def test_mutated_vectors(path: Path, edits: list[tuple[str, int, bytes]]) -> None:
    try_everything(mutate(path.read_bytes(), edits))


@given(path=st.sampled_from(REAL), edits=EDITS)
def test_mutated_real_files(path: Path, edits: list[tuple[str, int, bytes]]) -> None:
    try_everything(mutate(path.read_bytes(), edits))


SHORTS = st.sampled_from([0, 1, 2, 3, 7, 8, 12, 16, 24, 31, 32, 64, 255, 4096, 32767, 65535])


@given(
    numbers=st.fixed_dictionaries(
        dict.fromkeys((2621442, 2621446, 2621456, 2621457, 2621696, 2621697, 2621699), SHORTS)
    ),
    frames=st.sampled_from(["0", "1", "2", "-1", "2147483647", "99999999999", "1e3", " 2", "٣", ""]),
    photometric=st.sampled_from(
        ["MONOCHROME2", "RGB", "YBR_FULL_422", "YBR_FULL", "PALETTE COLOR", "", "X" * 16]
    ),
    native=st.booleans(),
    fragments=st.lists(st.binary(max_size=40), max_size=3),
)
def test_any_image_pixel_attributes(
    numbers: dict[int, int], frames: str, photometric: str, native: bool, fragments: list[bytes]
) -> None:
    fields = image() | {tag: us(number) for tag, number in numbers.items()}
    fields |= {
        0x00280004: ("CS", photometric.encode()),
        0x00280008: ("IS", (frames + " " * (len(frames.encode()) % 2)).encode()),
    }
    if native:
        value = b"".join(fragments)
        body = data_set(fields) + element(0x7FE00010, "OB", value)
        try_everything(part10(body, uid=EXPLICIT_LITTLE))
    else:
        table = offsets(fragments)
        try_everything(part10(data_set(fields) + extended(table, table) + pixel_data(fragments, table=table)))


@given(st.binary(max_size=300))
def test_any_bytes_behind_a_file_meta(body: bytes) -> None:
    for uid in (EXPLICIT_LITTLE, "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"):
        try_everything(part10(body, uid=uid))


USE = """
target, *paths = arguments
def read():
    with FrameReader.open(path) as reader:
        for frame in reader:
            pass
for path in paths:
    for act in (read, lambda: verify_file(path), lambda: compress_file(path, target, overwrite=True, threads=2),
                lambda: decompress_file(path, target, overwrite=True, threads=2)):
        try:
            act()
        except framedeflate.FrameDeflateError:
            pass
"""


def peak_growth_nbytes(folder: Path, paths: list[Path]) -> int:
    """How far the peak memory of a fresh process rises when it works on files."""
    warm = SETUP + f"arguments[:0] = [{str(folder / 'out')!r}]\n"
    return run_child(USE, *paths, setup=warm).peak_nbytes


def test_no_vector_costs_much_memory(tmp_path: Path) -> None:
    assert peak_growth_nbytes(tmp_path, VECTORS) < 50 << 20


def test_a_fragment_of_gigabytes_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "long-fragment.dcm"
    head = data_set(image(frames="1")) + element(
        0x7FE00010, "OB", item(b"") + item(b"\3", nbytes=2 << 30), nbytes=0xFFFFFFFF
    )
    with path.open("wb") as file:
        file.write(part10(head))
        # Sparse: it takes no room on the disk.
        file.truncate(file.tell() + (2 << 30) - 1)
    assert peak_growth_nbytes(tmp_path, [path]) < 50 << 20


def test_too_many_attributes_to_encode_anew_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "long-attribute.dcm"
    private = b"\x09\x00\x10\x10" + (600 << 20).to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(part10(private, uid="1.2.840.10008.1.2"))
        file.seek(600 << 20, 1)
        implicit = (
            (tag, value) for tag, (_vr, value) in sorted(image(frames="1").items()) if tag >> 16 == 0x28
        )
        for tag, value in [*implicit, (0x7FE00010, bytes(20))]:
            file.write(bytes([tag >> 16 & 255, tag >> 24, tag & 255, tag >> 8 & 255]))
            file.write(len(value).to_bytes(4, "little") + value)
    with pytest.raises(DicomFormatError) as caught:
        compress_file(path, tmp_path / "out.dcm")
    assert caught.value.kind == "too-large"
    assert peak_growth_nbytes(tmp_path, [path]) < 50 << 20
