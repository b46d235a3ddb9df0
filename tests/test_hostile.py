# SPDX-License-Identifier: Apache-2.0
"""Files by an attacker: whatever they hold, a FrameDeflateError or a result, and memory that they cannot choose."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from child import SETUP, run_child
from corpus import wheel_file
from dicom_writer import (
    EXPLICIT_LITTLE,
    data_set,
    deflate,
    element,
    extended,
    image,
    item,
    offsets,
    padded,
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
from framedeflate.transcode import compress_data_set_file, decompress_data_set_file

VECTORS = sorted((Path(__file__).parent / "vectors").glob("*.dcm"))

DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
DEFLATED_DATA_SET = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"
JPEG_LS = "1.2.840.10008.1.2.4.80"

# Native, Implicit, Big Endian, deflated whole, RLE.
REAL = [
    wheel_file(name)
    for name in (
        "MR_small.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "SC_rgb_small_odd_big_endian.dcm",
        "image_dfl.dcm",
        "rtdose_rle_1frame.dcm",
        "MR_small_RLE.dcm",
        "SC_rgb_rle_2frame.dcm",
        "rtdose_expb_1frame.dcm",
        "nested_priv_SQ.dcm",
    )
]


# The decoders of JPEG-LS are others', and not ours to harden; what stands before and around them is.
JPEG_LS_FILE = wheel_file("JPEGLSNearLossless_08.dcm")


def made_files() -> list[bytes]:
    """Small files in the Transfer Syntaxes that no small real file is in, with icons that must follow the Frames."""
    icon_fields = data_set(image(frames=None, rows=4, columns=4, allocated=8))
    frames = [bytes([number] * 32) for number in range(3)]
    fields = image(rows=4, columns=8, allocated=8)

    def encapsulated(uid: str, stored: list[bytes], icon: bytes = b"", *, per_frame: int = 1) -> bytes:
        icons = element(0x00880200, "SQ", item(icon_fields + pixel_data([icon]))) if icon else b""
        values = pixel_data(stored, table=offsets(stored, per_frame))
        return part10(data_set(fields) + icons + values, uid=uid)

    # RLE: one segment, of runs (PS3.5 G).
    header = (1).to_bytes(4, "little") + (64).to_bytes(4, "little") + bytes(56)
    runs = [header + bytes([257 - 32, frame[0]]) for frame in frames]
    halves = [half for run in runs for half in (run[:64], run[64:])]
    quarters = [frame[at : at + 8] for frame in frames for at in range(0, 32, 8)]
    icon_runs = header + bytes([257 - 16, 7])
    native = data_set(fields) + element(0x7FE00010, "OB", b"".join(frames))
    return [
        encapsulated(RLE, runs, icon_runs),
        encapsulated(RLE, halves, icon_runs, per_frame=2),
        encapsulated(UNCOMPRESSED, frames),
        encapsulated(UNCOMPRESSED, quarters, per_frame=4),
        encapsulated(
            DEFLATED_FRAMES, [padded(deflate(frame)) for frame in frames], padded(deflate(bytes(16)))
        ),
        part10(padded(deflate(native)), uid=DEFLATED_DATA_SET),
        part10(deflate(native, level=0), uid=DEFLATED_DATA_SET),
        part10(padded(deflate(native, bits=15)), uid=DEFLATED_DATA_SET),
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
            lambda: compress_data_set_file(source, folder / "data-set"),
            lambda: decompress_data_set_file(source, folder / "inflated"),
            lambda: decompress_data_set_file(source, folder / "inflated-implicit", implicit_vr=True),
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


@given(file=st.sampled_from(made_files()), edits=EDITS)
def test_mutated_made_files(file: bytes, edits: list[tuple[str, int, bytes]]) -> None:
    try_everything(mutate(file, edits))


@settings(max_examples=20)
@given(edits=EDITS)
def test_a_mutated_jpeg_ls_file(edits: list[tuple[str, int, bytes]]) -> None:
    try_everything(mutate(JPEG_LS_FILE.read_bytes(), edits))


@pytest.mark.parametrize("file", made_files())
def test_the_made_files_are_what_they_are_meant_to_be(tmp_path: Path, file: bytes) -> None:
    (tmp_path / "source.dcm").write_bytes(file)
    decompress_file(tmp_path / "source.dcm", tmp_path / "native.dcm")
    with FrameReader.open(tmp_path / "native.dcm") as reader:
        assert [set(frame.ravel().tolist()) for frame in reader] == [{0}, {1}, {2}]


SHORTS = st.sampled_from([0, 1, 2, 3, 7, 8, 12, 16, 24, 31, 32, 64, 255, 4096, 32767, 65535])


@given(
    numbers=st.fixed_dictionaries(
        dict.fromkeys((2621442, 2621446, 2621456, 2621457, 2621696, 2621697, 2621699), SHORTS)
    ),
    frames=st.sampled_from(["0", "1", "2", "-1", "2147483647", "99999999999", "1e3", " 2", "٣", ""]),
    photometric=st.sampled_from(
        ["MONOCHROME2", "RGB", "YBR_FULL_422", "YBR_FULL", "PALETTE COLOR", "", "X" * 16]
    ),
    uid=st.sampled_from([EXPLICIT_LITTLE, DEFLATED_FRAMES, RLE, JPEG_LS, UNCOMPRESSED]),
    fragments=st.lists(st.binary(max_size=40), max_size=3),
)
def test_any_image_pixel_attributes(
    numbers: dict[int, int], frames: str, photometric: str, uid: str, fragments: list[bytes]
) -> None:
    fields = image() | {tag: us(number) for tag, number in numbers.items()}
    fields |= {
        0x00280004: ("CS", photometric.encode()),
        0x00280008: ("IS", (frames + " " * (len(frames.encode()) % 2)).encode()),
    }
    if uid == EXPLICIT_LITTLE:
        value = b"".join(fragments)
        body = data_set(fields) + element(0x7FE00010, "OB", value)
        try_everything(part10(body, uid=uid))
    else:
        table = offsets(fragments)
        tables = extended(table, table) if numbers[2621456] & 1 else b""
        body = data_set(fields) + tables + pixel_data(fragments, table=table if tables else ())
        try_everything(part10(body, uid=uid))


@given(st.binary(max_size=300))
def test_any_bytes_behind_a_file_meta(body: bytes) -> None:
    for uid in (
        EXPLICIT_LITTLE,
        IMPLICIT_LITTLE,
        "1.2.840.10008.1.2.2",
        DEFLATED_DATA_SET,
        RLE,
        UNCOMPRESSED,
    ):
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
