# SPDX-License-Identifier: Apache-2.0
"""What the documents say is what the code says."""

from pathlib import Path

import pytest

from framedeflate.foreign.frames import CHANGED_ATTRIBUTES

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("attribute", CHANGED_ATTRIBUTES)
def test_the_table_of_changed_attributes_is_the_code_s(attribute: str) -> None:
    becomes, why = CHANGED_ATTRIBUTES[attribute]
    assert f"| {attribute} | {becomes} | {why} |" in (DOCS / "format.md").read_text(encoding="utf-8")
