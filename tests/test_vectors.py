# SPDX-License-Identifier: Apache-2.0
"""Every vector: ours in tests/vectors, and those of the shared corpus where it lies beside the repository."""

import csv
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import judge
from corpus import CORPUS
from framedeflate import (
    FrameDeflateError,
    FrameReader,
    compress_file,
    decode_frame,
    decompress_file,
    errors,
    verify_file,
)

FOLDER = Path(__file__).parent / "vectors"
Row = dict[str, str]


def rows_of(table: Path) -> list[Row]:
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


OURS = rows_of(FOLDER / "vectors.tsv")
SHARED = rows_of(CORPUS / "vectors" / "vectors.tsv")

# What standard.md's table, not a kind of error, says of the corpus' vectors that are not plainly decoded.
SHARED_EXPECTED: dict[str, tuple[str, str]] = {
    # file: outcome of reading, kind that verify reports
    "G01_unused_high_bits_set.dcm": ("decode", ""),
    "G05_no_sequence_delimiter_at_eof.dcm": ("decode", "missing-delimiter"),
    "I01_zlib_wrapped_rfc1950.dcm": ("decode", "wrapped-stream"),
    "I03_truncated_stream.dcm": ("FrameDecodeError:not-terminated", "not-terminated"),
    "I04_frame_too_short.dcm": ("FrameDecodeError:short-output", "short-output"),
    "I07_split_two_fragments_bot.dcm": ("decode", "split-frame"),
    "I15_bomb_256MiB.dcm": ("FrameDecodeError:excess-output", "excess-output"),
}

# Kinds that no small file can bring about, and where else they are tested.
NO_VECTOR = {
    ("DicomFormatError", "changed"): "a file that is written while it is read: test_nothing_lost.py",
    ("DicomFormatError", "too-large"): "512 MiB of attributes, or a Data Set of 8 GiB: test_hostile.py",
    (
        "EncapsulationError",
        "empty-fragment",
    ): "for what is encapsulated, not of what is read: test_encapsulation.py",
    ("UnsupportedImageError", "policy"): "asked for by an argument: test_transcode.py",
    ("UnsupportedImageError", "min-gain"): "asked for by an argument: test_archive_runs.py",
    ("UnsupportedImageError", "not-referable"): "asked for by references: test_zarr_store.py",
    ("EncapsulationError", "too-large"): "a Fragment of 4 GiB: test_encapsulation.py",
}


def outcome(act: Callable[..., object], *arguments: object, **options: object) -> str:
    try:
        act(*arguments, **options)
    except FrameDeflateError as error:
        kind = getattr(error, "kind", None)
        return type(error).__name__ + (f":{kind}" if kind else "")
    return "decode"


def read_frames(path: Path, into: list[bytes], *, strict: bool = True) -> None:
    """Every Frame by the reader's index and the codec."""
    with FrameReader.open(path, strict=strict) as reader:
        pixel = reader.image_pixel
        numbers = range(1, len(reader) + 1)
        if len(pixel.frame_shape) == 2 and pixel.bits_allocated in {1, 8, 16, 32, 64}:
            assert reader.read(numbers).shape == (len(reader), *pixel.frame_shape)
        fragments = [reader.fragment(frame_number=number) for number in numbers]
        into += [decode_frame(fragment, pixel, strict=strict) for fragment in fragments]


def digest(frames: list[bytes]) -> str:
    return hashlib.sha256(b"".join(frames)).hexdigest()


def file_of(row: Row) -> str:
    return row["file"]


def test_the_table_names_every_file() -> None:
    assert {row["file"] for row in OURS} == {path.name for path in FOLDER.glob("*.dcm")}
    assert len(OURS) > 70
    if (CORPUS / "vectors").exists():
        assert {row["file"] for row in SHARED} == {path.name for path in (CORPUS / "vectors").glob("*.dcm")}
        assert SHARED


@pytest.mark.parametrize("row", OURS, ids=file_of)
def test_a_vector_is_read_as_its_row_says(row: Row) -> None:
    path = FOLDER / row["file"]
    for strict, column in ((True, "read"), (False, "lenient")):
        frames: list[bytes] = []
        assert outcome(read_frames, path, frames, strict=strict) == row[column]
        if row[column] == "decode" and row["file"] != "G-unused-bits-set.dcm":
            assert digest(frames) == row["sha256_frames"]


@pytest.mark.parametrize("row", OURS, ids=file_of)
def test_a_vector_is_transcoded_as_its_row_says(tmp_path: Path, row: Row) -> None:
    for command in (compress_file, decompress_file):
        destination = tmp_path / command.__name__
        expected = row["compress" if command is compress_file else "decompress"]
        assert outcome(command, FOLDER / row["file"], destination) == expected
        if expected == "decode":
            assert digest(judge.read(destination).frames()) == row["sha256_frames"]
        else:
            assert not destination.exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("row", OURS, ids=file_of)
def test_verify_reports_what_the_row_says(row: Row) -> None:
    path = FOLDER / row["file"]
    if row["verify"].startswith("!"):
        assert outcome(verify_file, path) == row["verify"][1:]
        return
    assert {problem.kind for problem in verify_file(path)} == set(row["verify"].split())
    if row["class"] == "legal":
        assert not row["verify"]


@pytest.mark.parametrize("row", [row for row in OURS if row["compress"] == "decode"], ids=file_of)
def test_what_is_made_of_a_readable_vector_conforms(tmp_path: Path, row: Row) -> None:
    # Compressing again mends what is wrong with Items, tables and pads; attributes stay as they are.
    kept = {"high-bit", "missing-attributes", "digital-signatures", "media-storage-sop-instance-uid"}
    kept |= {"element-order", "icon", "unchecked-icon"}
    compress_file(FOLDER / row["file"], tmp_path / "again.dcm")
    found = {problem.kind for problem in verify_file(tmp_path / "again.dcm")}
    assert found == kept & set(row["verify"].split())


@pytest.mark.parametrize("row", SHARED, ids=file_of)
def test_a_vector_of_the_corpus_is_read_as_the_standard_asks(row: Row) -> None:
    path = CORPUS / "vectors" / row["file"]
    expected, kind = SHARED_EXPECTED.get(row["file"], ("decode", ""))
    assert row["file"] in SHARED_EXPECTED or row["class"] == "legal"
    frames: list[bytes] = []
    assert outcome(read_frames, path, frames) == expected
    if expected == "decode":
        # The SHA-256 is that of one byte a pixel for 1 bit, else of the native bytes.
        with FrameReader.open(path) as reader:
            if reader.image_pixel.is_bilevel:
                frames = [np.asarray(frame, np.uint8).tobytes() for frame in reader]
        assert digest(frames) == row["sha256_decoded"]
    assert {problem.kind for problem in verify_file(path)} == ({kind} if kind else set())


def kinds_in(document: str) -> set[str]:
    return set(re.findall(r"``([a-z0-9-]+)``", document))


@pytest.mark.parametrize(
    "error",
    [
        errors.DicomFormatError,
        errors.EncapsulationError,
        errors.FrameDecodeError,
        errors.UnsupportedImageError,
    ],
)
def test_every_kind_of_error_has_a_vector(error: type[FrameDeflateError]) -> None:
    document = re.search(r"kind : str\n(.*?\.)\n", error.__doc__ or "", re.DOTALL)
    assert document is not None
    documented = kinds_in(document.group(1))
    rows = [outcome for row in OURS for outcome in (row["read"], row["compress"], row["decompress"])]
    found = {outcome.partition(":")[2] for outcome in rows if outcome.startswith(error.__name__)}
    excused = {kind for name, kind in NO_VECTOR if name == error.__name__}
    assert not found & excused
    assert found | excused == documented


def documented_severities() -> dict[str, str]:
    """What docs/format.md says of each kind that `verify_file` reports."""
    page = (Path(__file__).parents[1] / "docs" / "format.md").read_text(encoding="utf-8")
    table = page[page.index("| kind | severity |") :]
    lines = re.findall(r"^\| (`.+?) \| (error|warning) \|", table, re.MULTILINE)
    return {kind: severity for cell, severity in lines for kind in re.findall(r"`([a-z0-9-]+)`", cell)}


def test_every_kind_of_problem_is_documented_and_has_a_vector() -> None:
    readable = [row for row in OURS if not row["verify"].startswith("!")]
    found = {
        problem.kind: problem.severity for row in readable for problem in verify_file(FOLDER / row["file"])
    }
    assert found == documented_severities()
