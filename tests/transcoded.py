# SPDX-License-Identifier: Apache-2.0
"""Real files through both commands, each once a test run."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydicom.filereader import read_file_meta_info

import judge
from corpus import SourceFile, corpus_files, wheel_files
from exceptions_table import refusal
from framedeflate import compress_file, decompress_file

ALL_FILES = corpus_files() + wheel_files()
IMAGES = [file for file in ALL_FILES if refusal(file.name) is None]
REFUSED = [file for file in ALL_FILES if refusal(file.name) is not None]


def named(file: SourceFile) -> str:
    """The id of a parametrised test."""
    return file.name


@cache
def uid_of(file: SourceFile) -> str:
    """The Transfer Syntax UID of a file, by pydicom."""
    return str(read_file_meta_info(file.path).TransferSyntaxUID)


NATIVE = [file for file in IMAGES if uid_of(file) in judge.NATIVE]
FOREIGN = [file for file in IMAGES if uid_of(file) not in judge.NATIVE | {judge.DEFLATED_FRAMES}]


@dataclass(frozen=True)
class Transcoded:
    """What both commands made of a file."""

    compressed: Path
    decompressed: Path


@cache
def transcode(folder: Path, source: SourceFile) -> Transcoded:
    """Compress a file, and decompress the result, into `folder`."""
    stem = source.name.replace("/", "_")
    result = Transcoded(folder / f"{stem}.deflated", folder / f"{stem}.native")
    compress_file(source.path, result.compressed, threads=0)
    decompress_file(result.compressed, result.decompressed, threads=0)
    return result
