# SPDX-License-Identifier: Apache-2.0
"""The viewer in Chromium: what its canvases hold, beside numpy and pydicom, for both ways of sending frames."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_windowing

from viewer_browser import Tab, chromium, tab, viewer_server
from viewer_studies import (
    ACROSS,
    CT,
    FRACTIONAL,
    LABELMAP,
    MATRIX,
    NAMES,
    PATIENT_STUDY,
    SEG,
    SIZE,
    SLICES,
    SLIDE,
    SLIDE_SEG,
    SLIDE_SPARSE,
    SLIDE_STUDY,
    TILE,
    ct_series,
    phantom,
    slide,
    slide_labels,
    write_studies,
)
from web_server import put_in_store

PICTURE = "canvas.picture"
FRAMES = "/frames/"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("viewer")
    written = write_studies(folder / "files")
    put_in_store(folder / "store", *sorted(written.glob("*.dcm")))
    with viewer_server(folder / "store") as base_url:
        yield base_url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def viewer(server: str, browser: Any) -> Iterator[Tab]:
    with tab(browser, server) as opened:
        yield opened


def address(study: str, series: str, **query: Any) -> str:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return f"#/studies/{study}/series/{series}/instances/{series}.1?{asked}"


def windowed(units: NDArray[Any], center: float = 40, width: float = 400) -> NDArray[np.uint8]:
    """Grey as pydicom makes it."""
    dataset = pydicom.Dataset()
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
    dataset.BitsStored = dataset.BitsAllocated = 8
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    dataset.WindowCenter, dataset.WindowWidth = center, width
    grey = np.rint(apply_windowing(units.astype(np.float64), dataset)).clip(0, 255)
    return np.repeat(grey.astype(np.uint8)[..., None], 3, -1)


def blended(under: NDArray[np.uint8], colour: Sequence[int], weight: NDArray[Any]) -> NDArray[np.uint8]:
    share = weight.astype(np.float64)[..., None]
    return np.rint(under + (np.array(colour) - under) * share).astype(np.uint8)


def colours(viewer: Tab) -> list[list[int]]:
    """Colours of the list of segments, which test_viewer_modules.py proves."""
    found: list[list[int]] = viewer.page.eval_on_selector_all(
        ".swatch", "all => all.map((one) => getComputedStyle(one).backgroundColor.match(/\\d+/g).map(Number))"
    )
    return found


def shown_slice(viewer: Tab) -> int:
    return int(viewer.text(".slider output").split("/")[0]) - 1


def expected_slice(
    index: int, shades: list[list[int]], parts: Sequence[int] = (1, 2, 3), opacity: float = 0.5
) -> Any:
    units, labels = phantom()
    picture = windowed(units[index].clip(-1024, 3071))
    for part in parts:
        picture = blended(picture, shades[part - 1], opacity * (labels[index] == part))
    return picture


@pytest.mark.parametrize("transport", ["x-deflate", "content-encoding"])
def test_segments_lie_over_the_ct_they_were_made_from(viewer: Tab, transport: str) -> None:
    accepted: list[str] = []

    def asked(request: Any) -> None:
        if FRAMES in request.url:
            accepted.append(request.headers["accept"])

    viewer.page.on("request", asked)
    viewer.open()
    viewer.page.get_by_label("How frames are sent").select_option(transport)
    if transport == "x-deflate":  # which a native CT is not to be had as
        viewer.page.get_by_label("How frames are sent").select_option("auto")
    viewer.page.evaluate("(hash) => { location.hash = hash }", address(PATIENT_STUDY, SEG))
    viewer.wait("() => document.querySelector('#show-source')")
    viewer.settle()
    shades = colours(viewer)
    assert [viewer.text(f"label[for=segment-{number}] bdi") for number in (1, 2, 3)] == list(NAMES)
    first = shown_slice(viewer)
    assert 0 < first < SLICES  # one with segments on it
    picture = viewer.pixels(PICTURE)
    assert picture.shape == (SIZE, SIZE, 4)
    assert (picture[..., 3] == 255).all()
    assert np.array_equal(picture[..., :3], expected_slice(first, shades))
    viewer.shot(f"segmentation-{transport}")
    stage = viewer.page.locator(".stage")
    stage.press("ArrowDown")
    viewer.wait(f"() => document.querySelector('.slider output').textContent.startsWith('{first + 2} /')")
    viewer.settle()
    assert np.array_equal(viewer.pixels(PICTURE)[..., :3], expected_slice(first + 1, shades))
    stage.press("Home")
    viewer.settle()
    assert np.array_equal(viewer.pixels(PICTURE)[..., :3], expected_slice(0, shades))  # no segment at all
    assert any("octet-stream" in one for one in accepted)
    assert any("x-deflate" in one for one in accepted) == (transport == "x-deflate")


def test_segments_are_hidden_and_their_opacity_set(viewer: Tab) -> None:
    viewer.open(address(PATIENT_STUDY, SEG))
    viewer.wait("() => document.querySelector('#show-source')")
    viewer.settle()
    shades, index = colours(viewer), shown_slice(viewer)
    viewer.page.get_by_role("checkbox", name="lung").uncheck()
    assert np.array_equal(viewer.pixels(PICTURE)[..., :3], expected_slice(index, shades, (1, 3)))
    viewer.page.locator("#opacity").fill("100")
    assert np.array_equal(viewer.pixels(PICTURE)[..., :3], expected_slice(index, shades, (1, 3), 1))
    viewer.page.get_by_role("button", name="None").click()
    assert np.array_equal(viewer.pixels(PICTURE)[..., :3], expected_slice(index, shades, ()))
    viewer.page.get_by_role("button", name="Only spine").click()
    viewer.page.get_by_label("Show CT 2.5 mm").uncheck()  # the segments alone
    viewer.settle()
    _, labels = phantom()
    alone = blended(np.zeros((SIZE, SIZE, 3), np.uint8), shades[2], labels[index] == 3)
    assert np.array_equal(viewer.pixels(PICTURE)[..., :3], alone)


def test_fractional_weighs_and_a_label_map_names(viewer: Tab) -> None:
    units, labels = phantom()
    viewer.open(address(PATIENT_STUDY, FRACTIONAL, frame=1))
    viewer.wait("() => document.querySelector('#show-source')")
    viewer.settle()
    shades, index = colours(viewer), shown_slice(viewer)
    weights = np.rint(np.linspace(0.2, 1, SIZE)[:, None] * (labels[index] > 0) * 200) / 200
    expected = windowed(units[index].clip(-1024, 3071))
    for part in (1, 2, 3):
        expected = blended(expected, shades[part - 1], 0.5 * weights * (labels[index] == part))
    found = viewer.pixels(PICTURE)[..., :3].astype(int)
    # Which of two values a half goes to depends on the last bit of the weight.
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() < 0.02
    viewer.open(address(PATIENT_STUDY, LABELMAP, frame=4))
    viewer.wait("() => document.querySelector('#show-source')")
    viewer.settle()
    assert np.array_equal(viewer.pixels(PICTURE)[..., :3], expected_slice(shown_slice(viewer), shades))


def test_a_series_is_a_stack_in_the_order_of_space_with_windows(viewer: Tab) -> None:
    units, _ = phantom()
    viewer.open(f"#/studies/{PATIENT_STUDY}/series/{CT}/stack?frame=6")
    assert np.array_equal(viewer.pixels(PICTURE)[..., :3], windowed(units[5].clip(-1024, 3071)))
    viewer.page.get_by_role("button", name="Lung").click()
    assert np.array_equal(viewer.pixels(PICTURE)[..., :3], windowed(units[5].clip(-1024, 3071), -600, 1500))
    stage = viewer.page.locator(".stage")
    stage.press("Shift+ArrowRight")
    wider = windowed(units[5].clip(-1024, 3071), -600, 1500 * 1.1)
    assert np.abs(viewer.pixels(PICTURE)[..., :3].astype(int) - wider).max() <= 1
    stage.press("i")
    assert viewer.page.get_by_role("checkbox", name="Invert").is_checked()
    assert np.abs(viewer.pixels(PICTURE)[..., :3].astype(int) - (255 - wider.astype(int))).max() <= 1
    stage.press("i")
    stage.press("r")
    stage.press("End")
    viewer.settle()
    assert np.array_equal(viewer.pixels(PICTURE)[..., :3], windowed(units[-1].clip(-1024, 3071)))
    assert len(ct_series(units)) == SLICES


def slide_at(viewer: Tab, matrix: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The part of the canvas that the matrix covers, and that part of the matrix, at one pixel a pixel."""
    canvas = viewer.page.locator("canvas.slide")
    place = json.loads(canvas.get_attribute("data-view"))
    assert float(canvas.get_attribute("data-scale")) == 1
    found = viewer.pixels("canvas.slide")
    # As the view rounds: where a column of the matrix begins on the screen.
    columns = np.floor(np.arange(MATRIX) - place["left"] + 0.5).astype(int)
    rows = np.floor(np.arange(MATRIX) - place["top"] + 0.5).astype(int)
    across = (columns >= 0) & (columns < found.shape[1])
    down = (rows >= 0) & (rows < found.shape[0])
    return found[np.ix_(rows[down], columns[across])][..., :3], matrix[np.ix_(down, across)]


def requested_tiles(viewer: Tab) -> set[int]:
    tiles: set[int] = set()

    def asked(request: Any) -> None:
        if FRAMES in request.url:
            tiles.add(int(request.url.split(FRAMES)[1]))

    viewer.page.on("request", asked)
    return tiles


def test_tiles_of_a_slide_lie_in_the_total_pixel_matrix(viewer: Tab) -> None:
    _, matrix = slide()
    tiles = requested_tiles(viewer)
    viewer.open(address(SLIDE_STUDY, SLIDE))
    viewer.wait(
        "() => document.querySelector('canvas.slide').getAttribute('aria-label').includes('256 of 256 tiles')"
    )
    assert tiles == set(range(1, ACROSS * ACROSS + 1))
    viewer.shot("slide-whole")
    stage = viewer.page.locator(".stage")
    stage.press("1")
    stage.press("Home")
    viewer.settle()
    found, expected = slide_at(viewer, matrix)
    assert found.shape[0] > 500
    assert found.shape[1] > 900
    assert np.array_equal(found, expected)
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Shift+ArrowDown"):
        stage.press(key)
    viewer.settle()
    found, expected = slide_at(viewer, matrix)
    assert np.array_equal(found, expected)


def test_only_tiles_that_are_seen_are_fetched(viewer: Tab) -> None:
    tiles = requested_tiles(viewer)
    viewer.page.set_viewport_size({"width": 600, "height": 420})
    viewer.open(address(SLIDE_STUDY, SLIDE, x=130, y=130, scale=4))
    seen = json.loads(viewer.page.locator("canvas.slide").get_attribute("data-view"))
    expected = {
        row * ACROSS + column + 1
        for row in range(ACROSS)
        for column in range(ACROSS)
        if column * TILE < seen["right"] and (column + 1) * TILE > seen["left"]
        and row * TILE < seen["bottom"] and (row + 1) * TILE > seen["top"]
    }  # fmt: skip
    assert 0 < len(expected) < 12
    assert tiles == expected


@pytest.mark.parametrize("series", [SLIDE_SEG, SLIDE_SPARSE], ids=["label-map-full", "binary-sparse"])
def test_masks_lie_over_their_slide(viewer: Tab, series: str) -> None:
    _, matrix = slide()
    labels = slide_labels()
    viewer.page.set_viewport_size({"width": 900, "height": 420})
    viewer.open(address(SLIDE_STUDY, series, view="slide", x=500, y=400, scale=1))
    viewer.wait("() => document.querySelector('#show-source')")
    viewer.settle()
    shades = colours(viewer)
    expected = matrix
    for number in (1, 2):
        expected = blended(expected, shades[number - 1], 0.5 * (labels == number))
    found, wanted = slide_at(viewer, expected)
    # The canvas blends with an opacity of 8 bits: 128 of 255 is not a half.
    assert np.abs(found.astype(int) - wanted).max() <= 2
    viewer.shot(f"slide-mask-{'sparse' if series == SLIDE_SPARSE else 'full'}")
    viewer.page.get_by_label("Show Slide").uncheck()
    viewer.page.get_by_role("checkbox", name="margin").uncheck()
    viewer.settle()
    alone = blended(np.zeros_like(matrix), shades[0], labels == 1)
    found, wanted = slide_at(viewer, alone)
    assert np.array_equal(found, wanted)


def test_the_figures_are_the_bytes_that_were_sent(viewer: Tab) -> None:
    sent: list[int] = []

    def finished(request: Any) -> None:
        if FRAMES in request.url and (response := request.response()) is not None:
            sent.append(int(response.headers["content-length"]))

    viewer.page.on("requestfinished", finished)
    viewer.open(address(PATIENT_STUDY, SEG, view="grid"))
    viewer.wait("() => document.querySelectorAll('.cell').length >= 24")
    viewer.settle()
    title = viewer.page.locator(".figures").get_attribute("title")
    assert title == f"{len(sent)} frames; the last one came as x-deflate"
    wire, native = viewer.text(".figures").split(" sent for ")
    assert wire == f"{sum(sent) / 1024:.1f} KiB"
    assert native.startswith(f"{len(sent) * SIZE * SIZE / 8 / 1024:.1f} KiB")
