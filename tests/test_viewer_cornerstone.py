# SPDX-License-Identifier: Apache-2.0
"""Others' viewers: @cornerstonejs/dicom-image-loader in Chromium reads a deflated Segmentation from the server."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pydicom
import pytest

from ecosystem.cornerstone_bundle import BUNDLES, RELEASES
from peers import miss_tool
from viewer_browser import chromium
from viewer_studies import PATIENT_STUDY, SEG, write_studies
from web_server import put_in_store, running_server

DEFLATED = "1.2.840.10008.1.2.8.1"
NATIVE = "1.2.840.10008.1.2.1"
AS_STORED = f'multipart/related; type="application/x-deflate"; transfer-syntax={DEFLATED}'


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[bytes]]]:
    """The server with a Segmentation, and the native frames of that."""
    if not all((BUNDLES / release).is_dir() for release in RELEASES):
        miss_tool("@cornerstonejs/dicom-image-loader, which `make ecosystem` installs,")
    folder = tmp_path_factory.mktemp("cornerstone")
    path = write_studies(folder / "files") / f"{SEG}.1.dcm"
    framedeflate = pytest.importorskip("framedeflate")
    native = folder / "native.dcm"
    framedeflate.decompress_file(path, native)
    pixels = pydicom.dcmread(native).pixel_array
    frames = [np.packbits(frame.ravel(), bitorder="little").tobytes() for frame in pixels]
    put_in_store(folder / "store", path)
    with running_server(folder / "store") as base_url:
        yield base_url, frames


@pytest.mark.parametrize(
    ("release", "accept", "transfer_syntax_uid"),
    [
        (RELEASES[0], AS_STORED, DEFLATED),
        (RELEASES[0], None, NATIVE),
        (RELEASES[1], None, NATIVE),
    ],
    ids=["deflated", "native", "older"],
)
def test_the_loader_shows_the_same_pixels(
    browser: Any, stored: tuple[str, list[bytes]], release: str, accept: str | None, transfer_syntax_uid: str
) -> None:
    base_url, frames = stored
    context = browser.new_context()

    def page_file(route: Any) -> None:
        name = route.request.url.rsplit("/", 1)[-1]
        if name == "page.html":
            route.fulfill(body='<script type="module" src="page.js"></script>', content_type="text/html")
        else:
            route.fulfill(path=BUNDLES / release / name, content_type="text/javascript")

    context.route("**/cornerstone/*", page_file)
    page = context.new_page()
    page.goto(f"{base_url}/cornerstone/page.html")
    page.wait_for_function("() => window.loadFrames")
    instance = f"{base_url}/dicomweb/studies/{PATIENT_STUDY}/series/{SEG}/instances/{SEG}.1"
    found = page.evaluate("(all) => window.loadFrames(...all)", [instance, len(frames), accept])
    assert [uid for uid, _ in found] == [transfer_syntax_uid] * len(frames)
    # Bits stay packed: Cornerstone's reader of Segmentations unpacks them.
    assert [bytes(pixels) for _, pixels in found] == frames
    context.close()
