# SPDX-License-Identifier: Apache-2.0
"""Every real native file through pydicom's own calls after `register()`, against pydicom's native reading."""

import io
from functools import cache

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.pixels.utils import iter_pixels, pixel_array
from pydicom.uid import UID

import framedeflate.pydicom_plugin as plugin
import judge
from corpus import SourceFile
from transcoded import IMAGES, NATIVE, named, uid_of

plugin.register()

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

DEFLATED = UID(judge.DEFLATED_FRAMES)


@cache
def native_pixels(file: SourceFile) -> NDArray[np.generic]:
    pixels: NDArray[np.generic] = pydicom.dcmread(file.path).pixel_array
    return pixels


@pytest.mark.parametrize("file", NATIVE, ids=named)
def test_there_and_back(file: SourceFile) -> None:
    dataset = pydicom.dcmread(file.path)
    instance = dataset.get("SOPInstanceUID")
    expected, count = native_pixels(file), int(dataset.get("NumberOfFrames", 1) or 1)
    dataset.compress(DEFLATED)
    assert np.array_equal(dataset.pixel_array, expected)
    written = io.BytesIO()
    dataset.save_as(written)

    # What stands in the file, by the judge; an excess of the source is left out.
    source, deflated = judge.read(file.path), judge.read(written.getvalue())
    assert deflated.uid == judge.DEFLATED_FRAMES
    assert deflated.frames() == source.frames()

    again = pydicom.dcmread(io.BytesIO(written.getvalue()))
    frames = expected if count > 1 else expected[None]
    assert np.array_equal(again.pixel_array, expected)
    for index in {0, count // 2, count - 1}:
        one = pixel_array(io.BytesIO(written.getvalue()), index=index)
        assert np.array_equal(one, frames[index])
    each = list(iter_pixels(io.BytesIO(written.getvalue())))
    assert len(each) == count
    assert all(np.array_equal(one, frame) for one, frame in zip(each, frames, strict=True))

    again.decompress(as_rgb=False)
    assert again.get("SOPInstanceUID") == instance
    inflated = io.BytesIO()
    again.save_as(inflated)
    assert judge.read(inflated.getvalue()).frames() == source.frames()
    assert np.array_equal(pydicom.dcmread(io.BytesIO(inflated.getvalue())).pixel_array, expected)


@pytest.mark.parametrize(
    "file", [file for file in IMAGES if uid_of(file) == judge.DEFLATED_FRAMES], ids=named
)
def test_files_of_other_writers(file: SourceFile) -> None:
    dataset = pydicom.dcmread(file.path)
    assert np.array_equal(dataset.pixel_array, judge.read(file.path).pixels().squeeze())
    plugin.decompress(dataset)
    assert dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
