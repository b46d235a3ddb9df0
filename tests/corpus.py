# SPDX-License-Identifier: Apache-2.0
"""Real files: those of the shared corpus where it lies beside the repository, and those in pydicom's wheel always."""

import csv
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pydicom.data

CORPUS = Path(__file__).parents[1] / "../shared/corpus"
WHEEL = Path(pydicom.data.__file__).parent / "test_files"


@dataclass(frozen=True)
class SourceFile:
    """A real file.

    pixels_sha256 is that of pydicom's `pixel_array` (its development version's), "" where it is not known.
    """

    name: str
    path: Path
    sha256: str
    pixels_sha256: str = ""


@cache
def corpus_files() -> list[SourceFile]:
    """Every file of the shared corpus; none where it is not there."""
    manifest = CORPUS / "manifest.tsv"
    if not manifest.exists():
        return []
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [
        SourceFile(row["file"], CORPUS / row["kind"] / row["file"], row["sha256"], row["pixels_sha256"])
        for row in rows
    ]


@cache
def wheel_files() -> list[SourceFile]:
    """Every DICOM file in pydicom's wheel."""
    paths = (path for path in sorted(WHEEL.rglob("*")) if path.is_file())
    found = ((path, path.read_bytes()) for path in paths)
    return [
        SourceFile(f"wheel/{path.relative_to(WHEEL).as_posix()}", path, hashlib.sha256(data).hexdigest())
        for path, data in found
        if data[128:132] == b"DICM"
    ]


def wheel_file(name: str) -> Path:
    """A file of pydicom's wheel by its name."""
    return WHEEL / name


def corpus_file(name: str) -> Path | None:
    """A file of the shared corpus by its name; None where the corpus is not there."""
    return next((file.path for file in corpus_files() if file.name == name), None)
