# SPDX-License-Identifier: Apache-2.0
"""Folders to make archives of, and what pydicom and hashlib say of them."""

import hashlib
import sqlite3
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.encaps import generate_frames

from framedeflate.archive.one_file import ArchiveJob, FileOutcome, Work, compress_entry
from framedeflate.archive.places import Folder
from framedeflate.archive.run import ArchiveRun, Executor
from framedeflate.archive.settings import CompressSettings
from made_files import write_native

COMMAND = (sys.executable, "-m", "framedeflate")


def make_small(path: Path, number: int) -> None:
    """Some Frames of 8 bits, other ones for each number."""
    pixels = (np.arange(2 * 16 * 16) * (number % 97 + 1) // 37 % 251).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_native(path, pixels.tobytes(), rows=16, columns=16, frames=2)


def make_large(path: Path, number: int, *, frames: int = 40) -> None:
    """Frames of 16 bits that take a while."""
    noise = np.random.default_rng(number).integers(0, 64, (frames, 256, 256), dtype="<u2")
    ramp = np.arange(256, dtype="<u2") * 8
    path.parent.mkdir(parents=True, exist_ok=True)
    write_native(path, (noise + ramp).tobytes(), rows=256, columns=256, bits=16, frames=frames)


def make_tree(root: Path, *, small: int, large: int, frames: int = 40) -> Path:
    for number in range(small):
        make_small(root / f"study{number % 7}" / f"{number:05}.dcm", number)
    for number in range(large):
        make_large(root / "large" / f"{number}.dcm", number, frames=frames)
    return root


def serially(job: ArchiveJob, work: Iterable[Work]) -> Iterator[FileOutcome]:
    """Do the work in this process."""
    for one in work:
        yield compress_entry(job, one)


def run_archive(
    source: Path,
    destination: Path,
    manifest: Path,
    *,
    executor: Executor = serially,
    settings: CompressSettings | None = None,
    **more: Any,
) -> list[FileOutcome]:
    job = ArchiveJob(Folder(source), Folder(destination), settings or CompressSettings())
    with ArchiveRun(job=job, manifest=manifest, **more).begin() as begun:
        return list(begun.outcomes(executor))


def rows(manifest: Path, columns: str = "*", where: str = "1") -> list[tuple[Any, ...]]:
    """What the manifest says, by sqlite3 alone."""
    with closing(sqlite3.connect(manifest)) as database, database:
        sql = f"SELECT {columns} FROM file WHERE {where} ORDER BY path"  # noqa: S608 - the tests' own
        found = database.execute(sql).fetchall()
    database.close()
    return found


def contents(folder: Path, *, apart_from: str = "?") -> dict[str, str]:
    """SHA-256 of every file by its relative path, apart from those whose names end so."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(apart_from)
    }


def judged_digest(path: Path) -> str:
    """The digest of all native Frames, by pydicom, zlib and hashlib alone."""
    dataset = pydicom.dcmread(path, force=True)
    nbits = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * dataset.BitsAllocated
    nbytes = (nbits + 7) // 8
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    if dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.8.1":
        values = generate_frames(dataset.PixelData, number_of_frames=frames)
        native = [zlib.decompressobj(-15).decompress(value) for value in values]
    elif dataset.BitsAllocated == 1:
        bits = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little")
        native = [
            np.packbits(bits[index * nbits : (index + 1) * nbits], bitorder="little").tobytes()
            for index in range(frames)
        ]
    else:
        native = [dataset.PixelData[index * nbytes : (index + 1) * nbytes] for index in range(frames)]
    return hashlib.sha256(b"".join(hashlib.sha256(frame).digest() for frame in native)).hexdigest()
