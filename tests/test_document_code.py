# SPDX-License-Identifier: Apache-2.0
"""Pages without servers in their commands: every block runs, in the page's order. See test_document_commands."""

import os
from pathlib import Path

import pytest

from documents import PAGES, runnable
from page_runs import has_servers, run_page

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shell scripts")


@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page) and not has_servers(page)])
def test_the_page_runs(page: str, tmp_path: Path) -> None:
    run_page(page, tmp_path)
