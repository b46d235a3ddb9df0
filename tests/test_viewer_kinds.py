# SPDX-License-Identifier: Apache-2.0
"""Ordinary images in the viewer, of other depths, signs, colours and Transfer Syntaxes, beside pydicom's pixels."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_windowing
from pydicom.pixels.utils import pixel_array

from corpus import wheel_file
from viewer_browser import Tab, chromium, tab, viewer_server
from web_server import put_in_store

FILES = {
    "CT_small.dcm": "16 bits, signed, no window",
    "MR_small.dcm": "16 bits, windowed",
    "MR_small_implicit.dcm": "Implicit VR",
    "SC_rgb_small_odd.dcm": "RGB of an odd length",
    "SC_ybr_full_422_uncompressed.dcm": "two pixels share their colour",
    "examples_palette.dcm": "a palette of 16 bits",
    "examples_ybr_color.dcm": "YBR_FULL_422, JPEG",
    "examples_rgb_color.dcm": "RGB, many frames or large",
    "rtdose_1frame.dcm": "32 bits",
    "liver_1frame.dcm": "1 bit",
    "image_dfl.dcm": "a deflated Data Set",
}


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    folder = tmp_path_factory.mktemp("kinds")
    put_in_store(folder, *map(wheel_file, FILES))
    with viewer_server(folder) as base_url, chromium() as browser, tab(browser, base_url) as opened:
        yield opened


def grey(dataset: pydicom.Dataset, frame: NDArray[Any]) -> NDArray[Any]:
    """Windowed as the Data Set says, else all of its values."""
    values = apply_modality_lut(frame, dataset).astype(np.float64)
    if "WindowCenter" in dataset:
        dataset.PixelRepresentation, dataset.BitsStored, dataset.BitsAllocated = 0, 8, 8
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
        shown = apply_windowing(values, dataset)
        return np.asarray(shown)
    low, high = values.min(), values.max()
    return np.asarray((values - low) / max(high - low, 1e-9) * 255)


def expected_picture(dataset: pydicom.Dataset) -> NDArray[Any]:
    frame: NDArray[Any] = pixel_array(dataset, index=0)  # RGB where it was YBR
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        table: NDArray[Any] = apply_color_lut(frame, dataset)
        return table >> 8
    if dataset.SamplesPerPixel == 3:
        return frame
    shown = grey(dataset, frame)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        shown = 255 - shown
    return np.repeat(shown[..., None], 3, -1)


@pytest.mark.parametrize("name", FILES)
def test_the_picture_is_that_of_pydicom(viewer: Tab, name: str) -> None:
    dataset = pydicom.dcmread(wheel_file(name))
    address = (
        f"#/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
        f"/instances/{dataset.SOPInstanceUID}?view=slices&frame=1"
    )
    viewer.open("#/")  # so that the last image is gone
    viewer.open(address)
    viewer.shot(f"kind-{name.removesuffix('.dcm')}")
    found = viewer.pixels("canvas.picture")[..., :3].astype(float)
    if name == "liver_1frame.dcm":  # a Segmentation, in its segment's colour over black, half as strong
        assert np.array_equal(found.max(-1) > 0, pixel_array(dataset) == 1)
        return
    expected = expected_picture(dataset)
    assert found.shape == expected.shape
    # Colours are converted from YBR with other rounding.
    assert np.abs(found - expected).max() <= 1.5
