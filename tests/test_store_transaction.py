# SPDX-License-Identifier: Apache-2.0
"""A Store's payload, from bytes to files and index; no sockets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")
from framedeflate.instance_store import InstanceStore
from framedeflate.web.index import Index
from framedeflate.web.ingest import Ingest

BOUNDARY = "a boundary"
ROOT = "http://there/dicomweb"
MIB = 1 << 20


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    with (
        InstanceStore(tmp_path / "store", min_free_nbytes=MIB, max_object_nbytes=8 * MIB) as store,
        Index.open(f"sqlite:///{tmp_path}/index.sqlite") as index,
    ):
        yield Ingest(store, index)
