# SPDX-License-Identifier: Apache-2.0
"""What the documents say is what the code says."""

from pathlib import Path

import pytest

pytest.importorskip("pynetdicom")
from framedeflate.dimse.commitment import FAILURE_REASONS
from framedeflate.dimse.statuses import STATUSES
from framedeflate.foreign.frames import CHANGED_ATTRIBUTES

STATUS_ROWS = [
    f"| {status.code:04X} | {status.meaning} | {status.comment or 'it is safe on disk'} | {status.clause} |"
    for status in STATUSES.values()
]
DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("attribute", CHANGED_ATTRIBUTES)
def test_the_table_of_changed_attributes_is_the_code_s(attribute: str) -> None:
    becomes, why = CHANGED_ATTRIBUTES[attribute]
    assert f"| {attribute} | {becomes} | {why} |" in (DOCS / "format.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("row", STATUS_ROWS)
def test_the_table_of_statuses_is_the_code_s(row: str) -> None:
    assert row in (DOCS / "dimse.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("reason", "meaning"), sorted(set(FAILURE_REASONS.values())))
def test_the_table_of_failure_reasons_is_the_code_s(reason: int, meaning: str) -> None:
    assert f"| {reason:04X} | {meaning} |" in (DOCS / "dimse.md").read_text(encoding="utf-8")


def test_every_status_fits_its_place() -> None:
    # Error Comment is LO (PS3.7 C): 64 characters at most.
    assert all(len(status.comment) <= 64 for status in STATUSES.values())
