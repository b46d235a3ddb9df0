# SPDX-License-Identifier: Apache-2.0
"""The viewer judged by axe-core: no rule of WCAG 2.2 A and AA, nor of its best practice, is broken on any page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecosystem.cornerstone_bundle import AXE
from peers import miss_tool
from viewer_browser import chromium, tab, viewer_server
from viewer_studies import PATIENT_STUDY, SEG, SLIDE_SEG, SLIDE_STUDY, write_studies
from web_server import put_in_store

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
IMAGE = f"#/studies/{PATIENT_STUDY}/series/{SEG}/instances/{SEG}.1"
PAGES = {
    "studies": "",
    "study": f"#/studies/{PATIENT_STUDY}",
    "slices": IMAGE,
    "grid": f"{IMAGE}?view=grid",
    "slide": f"#/studies/{SLIDE_STUDY}/series/{SLIDE_SEG}/instances/{SLIDE_SEG}.1",
    "nothing": f"#/studies/{PATIENT_STUDY}/series/{SEG}/instances/9.9",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not AXE.is_file():
        miss_tool("axe-core, which `make ecosystem` installs,")
    folder = tmp_path_factory.mktemp("accessibility")
    put_in_store(folder / "store", *sorted(write_studies(folder / "files").glob("*.dcm")))
    with viewer_server(folder / "store") as base_url:
        yield base_url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_rule_is_broken(server: str, browser: Any, scheme: str) -> None:
    script = Path(AXE).read_text(encoding="utf-8")
    with tab(browser, server, color_scheme=scheme) as viewer:
        for page, address in PAGES.items():
            viewer.open(address)
            viewer.page.evaluate(script)
            found = viewer.page.evaluate("(tags) => axe.run(document, { runOnly: tags })", RULES)
            broken = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]
            assert not broken, page
            assert len(found["passes"]) > 20
        viewer.problems[:] = [one for one in viewer.problems if "404" not in one]
