# SPDX-License-Identifier: Apache-2.0
"""Other toolkits' commands, and files that come from elsewhere, as judges."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pydicom
import pytest

CORPUS = Path(__file__).parents[1] / "../shared/corpus"
PYDICOM_FILES = Path(pydicom.__file__).parent / "data/test_files"


def require_peer(name: str) -> str:
    """Path of a command; without it the test is skipped, or fails where FRAMEDEFLATE_REQUIRE_PEERS=1 asks for it."""
    path = shutil.which(name)
    return path or miss_peer(f"{name} is not installed")


def miss_peer(reason: str) -> NoReturn:
    """Skip the test, or fail where FRAMEDEFLATE_REQUIRE_PEERS=1 asks for what it talks to."""
    if os.environ.get("FRAMEDEFLATE_REQUIRE_PEERS", "0") not in {"", "0"}:
        pytest.fail(f"{reason}, and FRAMEDEFLATE_REQUIRE_PEERS asks for it")
    pytest.skip(reason)


def miss_tool(name: str) -> NoReturn:
    """Skip the test, or fail where FRAMEDEFLATE_REQUIRE_TOOLS=1 asks for the tools of docs/ecosystem.md."""
    if os.environ.get("FRAMEDEFLATE_REQUIRE_TOOLS", "0") not in {"", "0"}:
        pytest.fail(f"{name} is not installed, and FRAMEDEFLATE_REQUIRE_TOOLS asks for it")
    pytest.skip(f"{name} is not installed")


def corpus_file(name: str) -> Path:
    """Path of a file of the shared corpus; without that folder the test is skipped."""
    if not CORPUS.is_dir():
        pytest.skip("the shared corpus is not here")
    return next(CORPUS.glob(f"*/{name}"))


def data_set_bytes(path: Path) -> tuple[str, int, bytes]:
    """Transfer Syntax UID, position of the Data Set, and its bytes."""
    data = path.read_bytes()
    # pydicom's own offset of the end of group 0002, counted from its group length (PS3.10 7.1).
    meta = pydicom.filereader.read_file_meta_info(path)
    position = 144 + meta.FileMetaInformationGroupLength
    return str(meta.TransferSyntaxUID), position, data[position:]
