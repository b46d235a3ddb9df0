# SPDX-License-Identifier: Apache-2.0
"""The site builds strictly; what its pages and those of the repository link to is there; they ask no other host."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("material")
pytest.importorskip("mkdocstrings_handlers.python")
import markdown

import framedeflate
import repository_links
from framedeflate import errors, instance_store, pydicom_plugin, transcode, zarr_store
from framedeflate.cli.parsers.commands import COMMANDS
from html_pages import HtmlPage, is_elsewhere, is_well_formed, parsed
from viewer_browser import chromium

ROOT = Path(__file__).parents[1]
if not (ROOT / "src").is_dir():
    pytest.skip("the reference is built from src", allow_module_level=True)
FOLDERS = ("docs", "demo", "examples", "benchmarks", "fuzz", "native", "tests", ".github")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])
HOST = "http://site.example"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site: one for all tests, also where they run in several processes."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "documentation"
    try:
        shared.mkdir()
    except FileExistsError:
        wait_for(shared / "exit-code")
    else:
        build(shared)
    assert (shared / "exit-code").read_text() == "0", (shared / "log").read_text()
    return shared / "site"


def build(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder / "site")],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    (folder / "log").write_text(done.stdout + done.stderr)
    (folder / "partial").write_text(str(done.returncode))
    (folder / "partial").rename(folder / "exit-code")


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 300
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)


@cache
def built(site: Path) -> dict[str, HtmlPage]:
    """Every page of the site by its path; "not found" is shown under any address, so its links are of another kind."""
    return {
        path.relative_to(site).as_posix(): parsed(path.read_text(encoding="utf-8"))
        for path in sorted(site.rglob("*.html"))
        if path.name != "404.html"
    }


def leads_nowhere(site: Path, page: str, address: str) -> bool:
    parts = urlsplit(address)
    target = os.path.normpath(site / Path(page).parent / unquote(parts.path)) if parts.path else site / page
    if not Path(target).is_file():
        return True
    if not parts.fragment or parts.fragment == "__skip":
        return False
    found = built(site).get(Path(target).relative_to(site).as_posix())
    return found is None or unquote(parts.fragment) not in found.anchors


def test_every_page_is_built_and_in_the_navigation(site: Path) -> None:
    names = {
        page.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        for page in PAGES
        if (ROOT / "docs") in page.parents
    }
    assert names == set(built(site))
    home = {link for link in built(site)["index.html"].links if not is_elsewhere(link)}
    assert {name for name in names if name not in home} == set(), (
        "mkdocs.yml has no place for these in its nav"
    )


def test_links_and_anchors_of_the_site_lead_somewhere(site: Path) -> None:
    assert [
        (name, address)
        for name, page in built(site).items()
        for address in page.links + page.parts
        if not is_elsewhere(address) and leads_nowhere(site, name, address)
    ] == []


def test_links_that_leave_the_site_are_https(site: Path) -> None:
    assert [
        (name, address)
        for name, page in built(site).items()
        for address in page.links
        if is_elsewhere(address) and not is_well_formed(address)
    ] == []


def test_files_of_the_repository_are_linked_on_the_forge(site: Path) -> None:
    links = built(site)["reference/index.html"].links
    assert "https://github.com/framedeflate/framedeflate/blob/main/CHANGELOG.md" in links


@pytest.mark.parametrize(
    ("page", "written", "shown"),
    [
        ("design.md", "[a](../Makefile)", "[a](https://forge.example/x/blob/main/Makefile)"),
        ("design.md", "[a](../tests/)", "[a](https://forge.example/x/tree/main/tests)"),
        (
            "design.md",
            "[a](../README.md#install)",
            "[a](https://forge.example/x/blob/main/README.md#install)",
        ),
        ("reference/index.md", "[a](../../LICENSE)", "[a](https://forge.example/x/blob/main/LICENSE)"),
        ("reference/index.md", "[a](../frames.md)", "[a](../frames.md)"),
        ("design.md", "`[a](../Makefile)`", "`[a](../Makefile)`"),
        ("design.md", "```text\n[a](../Makefile)\n```\n", "```text\n[a](../Makefile)\n```\n"),
    ],
)
def test_links_to_files_of_the_repository(page: str, written: str, shown: str) -> None:
    assert forge_links(page, written) == shown


def test_a_link_to_no_file_of_the_repository_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert forge_links("design.md", "[a](../no-such-file)") == "[a](../no-such-file)"
    assert "no-such-file" in caplog.text


def forge_links(page: str, written: str) -> str:
    config: Any = SimpleNamespace(
        config_file_path=str(ROOT / "mkdocs.yml"),
        docs_dir=str(ROOT / "docs"),
        repo_url="https://forge.example/x",
    )
    where: Any = SimpleNamespace(file=SimpleNamespace(src_uri=page))
    files: Any = None
    return repository_links.on_page_markdown(written, where, config, files)


def test_pictures_have_words(site: Path) -> None:
    assert [
        (name, page.pictures_without_words)
        for name, page in built(site).items()
        if page.pictures_without_words
    ] == []


def test_no_page_asks_another_host(site: Path) -> None:
    assert [
        (name, part) for name, page in built(site).items() for part in page.parts if is_elsewhere(part)
    ] == []
    styles = {path.name: path.read_text(encoding="utf-8") for path in site.rglob("*.css")}
    found = {
        name: re.findall(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')]*)""", text)
        for name, text in styles.items()
    }
    assert {name: addresses for name, addresses in found.items() if addresses} == {}


def public_names() -> Iterator[str]:
    yield from (f"framedeflate.{name}" for name in framedeflate.__all__)
    yield from (f"framedeflate.errors.{name}" for name in errors.__all__)
    for module in (pydicom_plugin, zarr_store, instance_store):
        yield from (f"{module.__name__}.{name}" for name in module.__all__)
    inside = {"DATA_SET_LEVEL", "ColourSpace", "Policy", "Progress"}
    again = {*inside, "TranscodeResult", "compress_file", "decompress_file"}
    yield from (f"framedeflate.transcode.{name}" for name in transcode.__all__ if name not in again)


def documented_imports() -> Iterator[tuple[str, str]]:
    """What the Python of the pages imports from this package: page, full name."""
    for page in PAGES:
        blocks = re.findall(
            r"^```python[^\n]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
        for module, names in re.findall(
            r"^from (framedeflate[\w.]*) import ([\w, ]+)", "\n".join(blocks), re.MULTILINE
        ):
            yield from ((page.name, f"{module}.{name.strip()}") for name in names.split(","))


def test_the_reference_has_every_public_name(site: Path) -> None:
    anchors = set().union(
        *(page.anchors for name, page in built(site).items() if name.startswith("reference/"))
    )
    assert [name for name in public_names() if name not in anchors] == []
    assert [found for found in documented_imports() if found[1] not in anchors | MODULES | LEFT_OUT] == []


def test_the_page_of_the_command_line_has_every_command() -> None:
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    assert re.findall("^<!-- options: (.*) -->$", page, re.MULTILINE) == re.findall(
        "^## ([a-z-]+)$", page, re.MULTILINE
    )
    assert set(re.findall("^<!-- options: (.*) -->$", page, re.MULTILINE)) == set(COMMANDS)


MODULES = {"framedeflate.zarr_store", "framedeflate.engine"}
LEFT_OUT = {
    # What a check of the conformance suite is written with.
    "framedeflate.web.conformance.judging.expect_status",
    "framedeflate.web.conformance.session.Session",
    # What a page shows of the inside, to say how it works.
    "framedeflate.byte_source.BytesSource",
    "framedeflate.part10.read_data_set_layout",
    "framedeflate.part10.read_file_meta",
}


@cache
def in_repository(path: Path) -> HtmlPage:
    from pymdownx.slugs import slugify

    converter = markdown.Markdown(
        extensions=["tables", "toc", "pymdownx.superfences", "md_in_html"],
        extension_configs={
            "toc": {"slugify": slugify(case="lower")},
            "pymdownx.superfences": {"relaxed_headers": True},
        },
    )
    return parsed(converter.convert(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_of_the_repository_s_pages_lead_somewhere(page: Path) -> None:
    found = in_repository(page)
    assert found.pictures_without_words == []
    assert [
        address
        for address in found.links + found.parts
        if is_elsewhere(address) and not is_well_formed(address)
    ] == []
    for address in found.links + found.parts:
        parts = urlsplit(address)
        if is_elsewhere(address) or parts.scheme == "data":
            continue
        target = Path(os.path.normpath(page.parent / unquote(parts.path))) if parts.path else page
        assert target.exists(), f"{address} is not there"
        # Anchors of the reference come with the site, which looks at them.
        if parts.fragment and target.suffix == ".md" and "reference" not in target.parts:
            assert parts.fragment in in_repository(target).anchors, f"{address}: no such heading"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


def test_pages_fit_a_phone_and_ask_no_host(browser: Any, site: Path) -> None:
    # From the folder, as who copied the site opens it: whatever is asked of a host is one request too many.
    context = browser.new_context(viewport={"width": 390, "height": 844})
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    too_wide = []
    for name in built(site):
        page.goto((site / name).as_uri())
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            too_wide.append(name)
    context.close()
    assert too_wide == []
    assert [address for address in asked if urlsplit(address).scheme not in {"file", "data", "blob"}] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_search_finds_a_page_and_asks_no_other_host(browser: Any, site: Path, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme)
    elsewhere: list[str] = []
    missing: list[str] = []
    problems: list[str] = []

    def answer(route: Any) -> None:
        address = route.request.url
        path = site / unquote(urlsplit(address).path.lstrip("/"))
        if not address.startswith(f"{HOST}/"):
            elsewhere.append(address)
            route.abort()
        elif path.is_file():
            route.fulfill(path=str(path))
        else:
            missing.append(address)
            route.fulfill(status=404)

    context.route("**/*", answer)
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{HOST}/index.html")
    page.locator("input.md-search__input").fill("verify_file")
    page.locator(".md-search-result__item a").first.wait_for(timeout=20_000)
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == scheme
    context.close()
    assert (elsewhere, missing, problems) == ([], [], [])
