# SPDX-License-Identifier: Apache-2.0
"""Arrays made at once are those of pydicom's own loop over a decoder of the tests, whatever options are given."""

import warnings
import zlib
from itertools import islice
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.uid import UID

import framedeflate.pydicom_plugin as plugin
import judge
from plugin_calls import Image, file_of, images

plugin.register()

DEFLATED = UID(judge.DEFLATED_FRAMES)
KINDS = {name: image for name, image in images().items() if name != "Big Endian"}
OPTIONS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "raw": {"raw": True},
    "as_rgb=False": {"as_rgb": False},
    "index=0": {"index": 0},
    "index=2": {"index": 2},
    "raw, index=1": {"raw": True, "index": 1},
    "allow_excess_frames=False": {"allow_excess_frames": False},
    "correct_unused_bits=False": {"correct_unused_bits": False},
    "view_only": {"view_only": True},
    "validate=False": {"validate": False},
    "pixel_keyword": {"pixel_keyword": "PixelData"},
}


def deflated(image: Image, *, count: int = 3, excess: int = 0) -> Dataset:
    """The deflated Dataset, of `count` Frames by its attributes and `excess` more by its Items."""
    dataset = image.deflated
    dataset.NumberOfFrames = count
    streams = []
    for frame in [*image.frames[:count], *image.frames[:excess]]:
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        streams.append(deflater.compress(frame) + deflater.flush())
    dataset.PixelData = encapsulate(streams)
    dataset["PixelData"].is_undefined_length = True
    return dataset


@pytest.fixture
def pydicoms() -> Decoder:
    """pydicom's Decoder as it is, with a decoder of the tests alone."""
    decoder = Decoder(DEFLATED)
    for label in tuple(decoder.available_plugins):
        decoder.remove_plugin(label)
    decoder.add_plugin("zlib", ("zlib_decoder", "decode"))
    return decoder


def outcome(decoder: Decoder, method: str, source: Any, options: dict[str, Any]) -> Any:
    """Arrays and properties, or the error; and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = getattr(decoder, method)(source, **options)
            pairs = [found] if method == "as_array" else list(found)
        except (ValueError, AttributeError, RuntimeError) as error:
            return type(error), str(error).replace("zlib", "framedeflate"), []
    return pairs, None, [str(one.message) for one in caught]


def same(ours: Any, theirs: Any) -> None:
    assert ours[1:] == theirs[1:]
    if ours[1] is not None:
        assert ours[0] is theirs[0]
        return
    assert len(ours[0]) == len(theirs[0])
    for (array, properties), (expected, described) in zip(ours[0], theirs[0], strict=True):
        assert array.shape == expected.shape
        assert array.dtype == expected.dtype
        assert np.array_equal(array, expected)
        assert array.flags.writeable
        assert properties == described


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("count", "excess"), [(1, 0), (3, 0), (2, 1)])
def test_as_array(pydicoms: Decoder, kind: str, options: dict[str, Any], count: int, excess: int) -> None:
    dataset = deflated(KINDS[kind], count=count, excess=excess)
    ours = outcome(get_decoder(DEFLATED), "as_array", dataset, options)
    same(ours, outcome(pydicoms, "as_array", dataset, options))


@pytest.mark.parametrize("options", [{}, {"raw": True}, {"indices": [2, 0]}], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_iter_array(pydicoms: Decoder, kind: str, options: dict[str, Any]) -> None:
    dataset = deflated(KINDS[kind])
    ours = outcome(get_decoder(DEFLATED), "iter_array", dataset, options)
    same(ours, outcome(pydicoms, "iter_array", dataset, options))


@pytest.mark.parametrize("method", ["as_buffer", "iter_buffer"])
@pytest.mark.parametrize("kind", KINDS)
def test_buffers(pydicoms: Decoder, kind: str, method: str) -> None:
    dataset = deflated(KINDS[kind])

    ours, theirs = (outcome(one, method, dataset, {}) for one in (get_decoder(DEFLATED), pydicoms))
    # pydicom 3.0 has no buffers of 1-bit Frames, whoever decodes.
    assert ours == theirs


def test_a_file_object_stays_where_it_stands() -> None:
    dataset = deflated(KINDS["1 bit"])
    file = file_of(dataset)
    start = file.getvalue().index(dataset.PixelData)
    file.seek(start)
    options: dict[str, Any] = {
        "rows": dataset.Rows,
        "columns": dataset.Columns,
        "number_of_frames": 3,
        "samples_per_pixel": 1,
        "photometric_interpretation": "MONOCHROME2",
        "pixel_representation": 0,
        "bits_allocated": 1,
        "bits_stored": 1,
    }
    for _ in range(2):
        array, _ = get_decoder(DEFLATED).as_array(file, **options)
        assert np.array_equal(array, KINDS["1 bit"].pixels)
        assert file.tell() == start


def test_a_broken_frame_is_told_as_by_pydicom(pydicoms: Decoder) -> None:
    dataset = deflated(KINDS["8 bits"])
    dataset.PixelData = encapsulate(
        [*islice(generate_frames(dataset.PixelData, number_of_frames=3), 2), b"\x07\xff"]
    )
    dataset["PixelData"].is_undefined_length = True
    for decoder in (get_decoder(DEFLATED), pydicoms):
        with pytest.raises(
            RuntimeError, match="Unable to decode as exceptions were raised by all available plugins"
        ):
            decoder.as_array(dataset)


def test_another_plugin_is_asked_where_it_is_named() -> None:
    dataset = deflated(KINDS["8 bits"])
    decoder = get_decoder(DEFLATED)
    if pydicom.__version_info__[:2] < ("3", "1"):
        with pytest.raises(ValueError, match="pydicom"):
            decoder.as_array(dataset, decoding_plugin="pydicom")
        return
    array, _ = decoder.as_array(dataset, decoding_plugin="pydicom")
    assert np.array_equal(array, KINDS["8 bits"].pixels)


def test_registering_again_changes_nothing() -> None:
    before = dict(vars(get_decoder(DEFLATED)))
    plugin.register()
    assert vars(get_decoder(DEFLATED)) == before
