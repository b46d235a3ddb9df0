# SPDX-License-Identifier: Apache-2.0
"""Pages whose commands talk to servers: every block runs, in the page's order, and what is shown was printed.

The pages without such commands run in test_document_code. document_rooms says which files a page
finds, document_peers what its hosts become, document_rules what is run elsewhere, page_runs how output is held.
"""

import os
from pathlib import Path

import pytest

from documents import PAGES, blocks_of, runnable
from page_runs import has_servers, run_needy_blocks, run_page

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shell scripts")


@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page) and has_servers(page)])
def test_the_page_runs(page: str, tmp_path: Path) -> None:
    run_page(page, tmp_path)


@pytest.mark.parametrize(
    ("page", "needs"),
    sorted({(page, block.needs) for page in PAGES for block in blocks_of(page) if block.needs}),
)
def test_what_needs_more_runs(page: str, needs: str, tmp_path: Path) -> None:
    run_needy_blocks(page, needs, tmp_path)
