# SPDX-License-Identifier: Apache-2.0
"""Chromium through Playwright, and the viewer in it: what it draws, what it complains of, pictures of it."""

import base64
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dimse_peers import installed
from framedeflate.web.server import create_app
from framedeflate.web.server.front import Front, FrontRules
from web_server import served, services_for

WAIT_MS = 20_000


@contextmanager
def viewer_server(store_folder: Path) -> Iterator[str]:
    """The server as `framedeflate serve` runs it: with the headers that tell the browser what it may not do."""
    with services_for(store_folder) as services:
        front = Front(create_app(services), rules=FrontRules(), tallies=services.tallies)
        with served(front) as base_url:
            yield base_url


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; without one the test is skipped, or fails where FRAMEDEFLATE_REQUIRE_PEERS=1 asks for it."""
    command = installed("chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        # Chromium's sandbox does not start for root, which is who containers run as.
        browser = playwright.chromium.launch(
            executable_path=command, args=["--no-sandbox", "--force-color-profile=srgb", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Tab:
    """A page of the viewer, and what went wrong in it."""

    page: Any
    base_url: str
    problems: list[str] = field(default_factory=list)

    def open(self, address: str = "") -> None:
        """Go to an address of the viewer, the part from "#" on, and wait until it is shown."""
        self.page.goto(f"{self.base_url}/{address}")
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is busy."""
        self.page.wait_for_function(
            """() => document.querySelector('#main > *') && !document.querySelector('[aria-busy="true"]')""",
            timeout=WAIT_MS,
        )

    def wait(self, expression: str) -> None:
        self.page.wait_for_function(expression, timeout=WAIT_MS)

    def pixels(self, selector: str) -> NDArray[np.uint8]:
        """What a canvas holds: (rows, columns, 4)."""
        found = self.page.evaluate(
            """(selector) => {
              const canvas = document.querySelector(selector);
              // Through a copy: a canvas that is read twice makes the browser complain, and draw another way.
              const copy = new OffscreenCanvas(canvas.width, canvas.height);
              const context = copy.getContext('2d', { willReadFrequently: true });
              context.drawImage(canvas, 0, 0);
              const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
              let text = '';
              const part = (at) => String.fromCharCode(...data.subarray(at, at + 32768));
              for (let at = 0; at < data.length; at += 32768) text += part(at);
              return [canvas.height, canvas.width, btoa(text)];
            }""",
            selector,
        )
        rows, columns, text = found
        return np.frombuffer(base64.b64decode(text), np.uint8).reshape(rows, columns, 4)

    def shot(self, name: str) -> None:
        """Keep a picture of the page where FRAMEDEFLATE_SCREENSHOTS says, else beside the build."""
        folder = Path(
            os.environ.get("FRAMEDEFLATE_SCREENSHOTS") or Path(__file__).parents[1] / "build/screenshots"
        )
        folder.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=folder / f"{name}.png")

    def text(self, selector: str = "main") -> str:
        return re.sub(r"\s+", " ", self.page.locator(selector).first.inner_text())


@contextmanager
def tab(browser: Any, base_url: str, **options: Any) -> Iterator[Tab]:
    """A tab of its own, which fails the test if the page said that anything was wrong."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce", **options)
    opened = Tab(context.new_page(), base_url)
    opened.page.set_default_timeout(WAIT_MS)
    opened.page.on("pageerror", lambda error: opened.problems.append(f"error: {error}"))

    def heard(said: Any) -> None:
        if said.type in {"error", "warning"}:
            opened.problems.append(said.text)

    opened.page.on("console", heard)
    opened.page.add_init_script(
        "addEventListener('securitypolicyviolation', (event) => "
        "console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`))"
    )
    try:
        yield opened
        assert opened.problems == []
    finally:
        context.close()
