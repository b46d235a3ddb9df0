# SPDX-License-Identifier: Apache-2.0
"""The viewer's lists, addresses, keyboard, contrast and what it says when something goes wrong."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

import framedeflate
from viewer_browser import Tab, chromium, tab, viewer_server
from viewer_studies import CT, JAPANESE, PATIENT_STUDY, SEG, ct_series, phantom, segmentation
from web_server import put_in_store

MANY, MANY_STUDY, SIDE = 20_000, "2.25.3000", 8
OTHER_STUDIES = 27  # with the two others more than a page


def small(study: str, name: str, pixels: np.ndarray[Any, Any]) -> Dataset:
    """A Multi-frame Single Bit Secondary Capture of (frames, SIDE, SIDE) bits."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7.1", f"{study}.2"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, f"{study}.1"
    dataset.PatientName, dataset.PatientID, dataset.Modality = name, study[-4:], "OT"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyDescription = "20260101", "120000", "<b>bold</b> & co"
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    dataset.Rows = dataset.Columns = SIDE
    dataset.NumberOfFrames, dataset.SamplesPerPixel, dataset.PhotometricInterpretation = (
        len(pixels),
        1,
        "MONOCHROME2",
    )
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 1, 1, 0, 0
    dataset.PixelData = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    return dataset


def many_bits() -> np.ndarray[Any, Any]:
    return np.random.default_rng(12).integers(0, 2, (MANY, SIDE, SIDE)).astype(np.uint8)


def write(folder: Path) -> Iterator[Path]:
    units, labels = phantom()
    series = ct_series(units[:4])
    made = [segmentation(series, labels[:4], "BINARY", SEG, 3), small(MANY_STUDY, "Many^Frames", many_bits())]
    for number in range(OTHER_STUDIES):
        made.append(small(f"2.25.{4000 + number}", f"Other^{number:02}", np.ones((1, SIDE, SIDE), np.uint8)))
    for dataset in (*made, *series):
        path = folder / f"{dataset.SOPInstanceUID}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        if dataset.Modality != "CT":
            framedeflate.compress_file(path, in_place=True)
        yield path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("viewer")
    put_in_store(folder / "store", *write(folder))
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


SEG_ADDRESS = f"#/studies/{PATIENT_STUDY}/series/{SEG}/instances/{SEG}.1"


def test_the_list_of_studies_is_searched_and_paged(viewer: Tab) -> None:
    viewer.open()
    total = OTHER_STUDIES + 2
    assert viewer.page.locator("tbody tr").count() == 25
    viewer.page.get_by_role("link", name="Next").click()
    viewer.settle()
    assert viewer.page.locator("tbody tr").count() == total - 25
    assert f"of {total} studies" in viewer.text(".paging")
    viewer.page.get_by_label("Patient", exact=True).fill("yama")
    viewer.page.get_by_role("button", name="Search").click()
    viewer.wait("() => document.querySelectorAll('tbody tr').length === 1")
    assert "name=yama" in viewer.page.url
    groups = [re.split(r"\^", group) for group in JAPANESE.split("=")]
    assert viewer.text(".name-alphabetic") == "Yamada, Tarou"
    assert viewer.text(".name-ideographic") == " ".join(groups[1])
    assert viewer.text(".name-phonetic") == " ".join(groups[2])
    viewer.shot("studies")
    viewer.page.go_back()
    viewer.wait("() => document.querySelectorAll('tbody tr').length > 1")
    viewer.page.get_by_label("To", exact=True).fill("1999-12-31")
    viewer.page.get_by_role("button", name="Search").click()
    viewer.wait("() => document.querySelector('.empty')")
    assert "No study matches" in viewer.text(".empty")


def test_a_study_tells_what_its_instances_cost(viewer: Tab) -> None:
    viewer.open(f"#/studies/{PATIENT_STUDY}")
    viewer.wait(
        "() => document.querySelector('.series td.factor')?.textContent.endsWith(String.fromCharCode(215))"
    )
    assert viewer.page.title() == "Yamada, Tarou \u2013 framedeflate"
    row = viewer.page.locator(f"[id='of-{SEG}'] tbody tr").inner_text()
    assert "deflated frames" in row
    assert "96\u00d796, 1 bit" in row
    viewer.shot("study")
    viewer.page.get_by_role("link", name="Open as a stack").click()
    viewer.wait("() => document.querySelector('canvas.picture')?.width === 96")
    viewer.settle()
    viewer.page.go_back()
    viewer.wait("() => document.querySelector('.series')")
    # HTML in a value is text.
    viewer.open("#/studies/2.25.4000")
    assert "<b>bold</b> & co" in viewer.text(".facts")


def test_an_address_leads_to_a_frame_and_back(viewer: Tab) -> None:
    viewer.open(f"{SEG_ADDRESS}?view=grid&frame=5")
    assert viewer.page.locator("#frame-5").get_attribute("aria-selected") == "true"
    viewer.page.locator("[role=listbox]").press("Enter")
    viewer.wait("() => document.querySelector('canvas.picture')?.width === 96")
    viewer.settle()
    assert "frame=5" in viewer.page.url
    assert "5" in viewer.text(".corner")
    viewer.page.go_back()
    viewer.wait("() => document.querySelector('#frame-5')")


def test_twenty_thousand_frames_are_a_screenful_of_cells(viewer: Tab) -> None:
    viewer.open(f"#/studies/{MANY_STUDY}/series/{MANY_STUDY}.1/instances/{MANY_STUDY}.2?view=grid")
    viewer.wait("() => document.querySelectorAll('.cell').length > 10")
    grid = viewer.page.locator("[role=listbox]")
    assert viewer.page.locator(".cell").count() < 120
    grid.press("End")
    viewer.wait(f"() => document.querySelector('#frame-{MANY}:not([aria-busy])')")
    assert viewer.page.locator(".cell").count() < 120
    picture = viewer.pixels(f"#frame-{MANY} canvas")
    step = picture.shape[0] / SIDE  # the middle of each pixel of the frame
    middles = (np.arange(SIDE) * step + step / 2).astype(int)
    assert np.array_equal(picture[np.ix_(middles, middles)][..., 0], many_bits()[-1] * 255)
    for _ in range(3):
        grid.press("PageUp")
    viewer.wait("() => !document.querySelector('.cell[aria-busy]')")
    assert grid.evaluate("(one) => one.scrollTop") > 100_000


def test_everything_is_reached_by_keys(viewer: Tab) -> None:
    viewer.open("#/?name=yamada")
    viewer.wait("() => document.querySelectorAll('tbody tr').length === 1")
    press = viewer.page.keyboard.press

    def tab_to(selector: str) -> None:
        for _ in range(40):
            press("Tab")
            if viewer.page.evaluate("(one) => document.activeElement.matches(one)", selector):
                break
        else:
            raise AssertionError(f"Tab does not reach {selector}")
        # What has the focus is seen to have it.
        shown = viewer.page.evaluate(
            """() => {
              const one = document.activeElement;
              const styles = [getComputedStyle(one), getComputedStyle(one, '::after'),
                one.closest('.host') && getComputedStyle(one.closest('.host'), '::after')];
              const ring = (style) => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
              return styles.some((style) => style && ring(style));
            }"""
        )
        assert shown, selector

    tab_to("a.row")
    press("Enter")
    viewer.wait("() => document.querySelector('.series')")
    viewer.settle()
    tab_to(".toggle")
    tab_to(f"[id='of-{SEG}'] a.row")
    press("Enter")
    viewer.wait("() => document.querySelector('#show-source')")
    viewer.settle()
    assert viewer.page.evaluate("document.activeElement.matches('.stage')")
    before = viewer.text(".slider output")
    press("End")
    viewer.settle()
    assert viewer.text(".slider output") != before
    # It is said once the keys have rested for a moment.
    viewer.wait("() => document.querySelector('#status').textContent.includes('Slice')")
    tab_to(".slider input")
    tab_to("#opacity")
    press("End")
    assert viewer.text("#opacity + output") == "100 %"
    tab_to("#segment-2")
    press("Space")
    assert not viewer.page.locator("#segment-2").is_checked()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_contrast_is_enough(server: str, browser: Any, scheme: str) -> None:
    """WCAG 2.2, 1.4.3 and 1.4.11: 4.5 for text, 3 for the edges of fields and for the focus."""

    def luminance(text: str) -> float:
        channels = np.array([int(one) for one in re.findall(r"\d+", text)[:3]]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    with tab(browser, server, color_scheme=scheme) as viewer:
        for address in ("", SEG_ADDRESS):
            viewer.open(address)
            colours = viewer.page.evaluate(
                """(names) => names.map((name) => {
                  const probe = document.createElement('i');
                  document.body.append(probe);
                  probe.style.color = `var(--${name})`;
                  const found = getComputedStyle(probe).color;
                  probe.remove();
                  return [name, found];
                })""",
                ["ground", "raised", "text", "quiet", "accent", "on-accent", "good", "bad", "edge"],
            )
            light = {name: luminance(text) for name, text in colours}

            def ratio(one: str, other: str, light: dict[str, float] = light) -> float:
                low, high = sorted((light[one], light[other]))
                return (high + 0.05) / (low + 0.05)

            for ground in ("ground", "raised"):
                for ink in ("text", "quiet", "accent", "good", "bad"):
                    assert ratio(ink, ground) >= 4.5, (ink, ground)
                assert ratio("edge", ground) >= 3, ground
            assert ratio("on-accent", "accent") >= 4.5


def test_what_goes_wrong_is_said_in_words(viewer: Tab) -> None:
    viewer.open(f"#/studies/{PATIENT_STUDY}/series/{SEG}/instances/9.9.9")
    assert "nothing under this address" in viewer.text("[role=alert]")
    viewer.page.route(
        "**/frames/*", lambda route: route.fulfill(body=b"\xff\xff\xff", content_type="application/x-deflate")
    )
    viewer.open(f"#/studies/{PATIENT_STUDY}/series/{CT}/stack")
    assert "damaged" in viewer.text(".note")
    viewer.page.unroute("**/frames/*")
    octets = {"body": bytes(7), "content_type": "application/octet-stream"}
    viewer.page.route("**/frames/*", lambda route: route.fulfill(**octets))
    viewer.page.locator(".stage").press("End")
    viewer.wait("() => document.querySelector('.note').textContent.includes('7 bytes for a frame of 18432')")
    viewer.page.unroute("**/frames/*")
    viewer.page.locator(".stage").press("Home")
    viewer.wait("() => document.querySelector('.note').hidden")
    viewer.problems[:] = [
        one for one in viewer.problems if "404" not in one
    ]  # the browser's own report of it


def test_the_policy_is_strict(viewer: Tab) -> None:
    with viewer.page.expect_response(lambda answer: answer.url == f"{viewer.base_url}/") as found:
        viewer.open()
    policy = found.value.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    viewer.page.evaluate(
        "document.body.setAttribute('onclick', 'window.broken = true'); document.body.click()"
    )
    assert viewer.page.evaluate("window.broken") is None
    assert any("CSP" in one for one in viewer.problems)  # so other tests would have seen it
    viewer.problems.clear()


def test_a_frame_that_nobody_waits_for_is_given_up(viewer: Tab) -> None:
    viewer.open("#/")
    held: list[Any] = []

    def hold(route: Any) -> None:  # Playwright takes no method of a list
        held.append(route)

    viewer.page.route("**/frames/*", hold)
    given_up: list[str] = []
    viewer.page.on("requestfailed", lambda one: given_up.append(one.failure))
    viewer.page.goto(f"{viewer.base_url}/#/studies/{PATIENT_STUDY}/series/{CT}/stack")
    viewer.wait("() => document.querySelector('.stage[aria-busy]')")
    for _ in range(50):
        if held:
            break
        viewer.page.wait_for_timeout(20)
    viewer.page.locator(".stage").press("End")
    for _ in range(50):
        if given_up:
            break
        viewer.page.wait_for_timeout(20)
    assert given_up[:1] == ["net::ERR_ABORTED"]


def test_a_token_is_asked_for_once_and_forgotten_with_the_tab(viewer: Tab) -> None:
    seen: list[str | None] = []

    def guarded(route: Any) -> None:
        token = route.request.headers.get("authorization")
        seen.append(token)
        if token == "Bearer right":  # noqa: S105 - a test's
            route.continue_()
        else:
            route.fulfill(status=401, headers={"WWW-Authenticate": "Bearer"})

    viewer.page.route("**/dicomweb/**", guarded)
    viewer.page.goto(viewer.base_url)
    for given in ("wrong", "right"):
        field = viewer.page.get_by_label("Token", exact=True)
        field.wait_for()
        field.fill(given)
        field.press("Enter")
    viewer.wait("() => document.querySelectorAll('tbody tr').length === 25")
    viewer.page.goto(f"{viewer.base_url}/{SEG_ADDRESS}")
    viewer.wait("() => document.querySelector('canvas.picture')?.width === 96")
    assert set(seen[-3:]) == {"Bearer right"}  # the worker's too
    assert viewer.page.evaluate("localStorage.length") == 0
    viewer.page.unroute("**/dicomweb/**")
    viewer.problems[:] = [one for one in viewer.problems if "401" not in one]


def test_narrow_screens_lose_nothing(viewer: Tab) -> None:
    viewer.page.set_viewport_size({"width": 390, "height": 780})
    for number, address in enumerate(("", f"#/studies/{PATIENT_STUDY}", SEG_ADDRESS)):
        viewer.open(address)
        width = viewer.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, address
        viewer.shot(f"narrow-{number}")
