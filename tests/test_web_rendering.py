# SPDX-License-Identifier: Apache-2.0
"""Frames rendered as pictures: judged by pydicom's own pipeline, and by Pillow with its Little CMS."""

import io
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms
from pydicom.dataset import Dataset
from pydicom.pixels.processing import (
    apply_color_lut,
    apply_modality_lut,
    apply_voi_lut,
    convert_color_space,
)
from pydicom.pixels.utils import pixel_array

from corpus import corpus_file, wheel_file
from framedeflate.errors import FrameDeflateError
from framedeflate.pictures.image_file import open_image_file
from framedeflate.web.metadata.opened_data_set import open_data_set
from framedeflate.web.refusal import Refusal
from framedeflate.web.rendering.draw import draw
from framedeflate.web.rendering.encoding import EmptyRegionError, encode, fit
from framedeflate.web.rendering.facts import read_facts
from framedeflate.web.rendering.lookup_table import expand_segments
from framedeflate.web.rendering.parameters import (
    RENDERED_TYPES,
    RenderingParameters,
    Viewport,
    Window,
    parse_parameters,
)
from framedeflate.web.rendering.segment_colours import rgb_of_cielab


def drawn(path: Path, frame_number: int = 1, window: Window | None = None) -> NDArray[np.uint8]:
    with open_image_file(path) as image, open_data_set(path) as opened:
        facts = read_facts(opened, frame_number)
        return draw(image.frame(frame_number - 1), image.image_pixel, facts, window)


def read(path: Path) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path)


def shown_by_pydicom(data_set: Dataset, pixels: NDArray[Any]) -> NDArray[np.float64]:
    """What pydicom makes of them, as 0 to 255."""
    values = apply_modality_lut(pixels, data_set)
    bits = data_set.BitsStored
    low = -(1 << bits - 1) if data_set.PixelRepresentation else 0
    high = low + (1 << bits) - 1
    slope, intercept = float(data_set.get("RescaleSlope", 1)), float(data_set.get("RescaleIntercept", 0))
    shown = apply_voi_lut(values, data_set)
    if "VOILUTSequence" in data_set:
        return np.asarray(shown / ((1 << data_set.VOILUTSequence[0].LUTDescriptor[2]) - 1) * 255)
    low, high = low * slope + intercept, high * slope + intercept
    return np.asarray((shown - low) / (high - low) * 255)


GREY = ["CT_small.dcm", "MR_small.dcm", "MR_small_bigendian.dcm", "vlut_04.dcm"]


@pytest.mark.parametrize("name", GREY)
def test_grey_is_windowed_as_pydicom_does(name: str) -> None:
    found = corpus_file(f"pydicom-data__{name}") or wheel_file(name)
    if not found.exists():
        pytest.skip(f"{name} is not here")
    data_set = read(found)
    if "WindowCenter" not in data_set and "VOILUTSequence" not in data_set:
        data_set.WindowCenter, data_set.WindowWidth = 400, 700
        window = Window(400, 700)
    else:
        window = None
    expected = shown_by_pydicom(data_set, data_set.pixel_array)
    assert np.abs(drawn(found, window=window) - expected).max() <= 1


@pytest.mark.parametrize("function", ["linear", "linear-exact", "sigmoid"])
def test_each_function_of_a_window(function: Any) -> None:
    path = wheel_file("CT_small.dcm")
    data_set = read(path)
    data_set.WindowCenter, data_set.WindowWidth = 40.5, 350
    data_set.VOILUTFunction = function.upper().replace("-", "_")
    expected = shown_by_pydicom(data_set, data_set.pixel_array)
    found = drawn(path, window=Window(40.5, 350, function))
    assert np.abs(found - expected).max() <= 1


def test_padding_that_is_written_as_unsigned(tmp_path: Path) -> None:
    data_set = read(wheel_file("CT_small.dcm"))
    pixels = data_set.pixel_array.copy()
    assert data_set.PixelRepresentation == 1
    pixels[:10] = -2000
    data_set.PixelData = pixels.tobytes()
    data_set.add_new(0x00280120, "US", 63536)
    found = drawn(save(tmp_path / "a.dcm", data_set))
    assert not found[:10].any()
    # It does not count where the image has no window of its own.
    assert np.array_equal(found[10:], drawn(save(tmp_path / "b.dcm", data_set))[10:])
    assert found[10:].mean() > 60


def save(path: Path, data_set: Dataset) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set.save_as(path)
    return path


def test_polarity_padding_and_bits_that_are_not_used(tmp_path: Path) -> None:
    data_set = read(wheel_file("CT_small.dcm"))
    pixels = np.arange(128 * 128, dtype=np.uint16).reshape(128, 128) % 4096
    data_set.PixelRepresentation, data_set.BitsStored, data_set.HighBit = 0, 12, 11
    data_set.PixelData = (pixels | 0xA000).tobytes()
    data_set.RescaleSlope, data_set.RescaleIntercept = 1, 0
    data_set.WindowCenter, data_set.WindowWidth = 2048, 4096
    data_set.pop("PixelPaddingValue", None)
    plain = drawn(save(tmp_path / "a.dcm", data_set))
    # C.11.2.1.2.1 in plain words, of the values without the upper bits.
    expected = np.clip(((pixels - 2047.5) / 4095 + 0.5) * 255, 0, 255)
    assert np.abs(plain - expected).max() <= 0.51
    data_set.PhotometricInterpretation = "MONOCHROME1"
    assert np.array_equal(drawn(save(tmp_path / "b.dcm", data_set)), 255 - plain)
    data_set.PresentationLUTShape = "INVERSE"
    assert np.array_equal(drawn(save(tmp_path / "c.dcm", data_set)), plain)
    data_set.PresentationLUTShape = "IDENTITY"
    data_set.add_new(0x00280120, "US", 100)
    data_set.add_new(0x00280121, "US", 200)
    padded = drawn(save(tmp_path / "d.dcm", data_set))
    inside = (pixels < 100) | (pixels > 200)
    assert not padded[~inside].any()
    assert np.array_equal(padded[inside], (255 - plain)[inside])


def test_a_frame_may_have_its_own_window(tmp_path: Path) -> None:
    found = corpus_file("pydicom-data__emri_small.dcm")
    if found is None:
        pytest.skip("the corpus is not here")
    data_set = read(found)
    items = [Dataset() for _ in range(data_set.NumberOfFrames)]
    for number, item in enumerate(items, 1):
        voi = Dataset()
        voi.WindowCenter, voi.WindowWidth = 100 * number, 50 * number
        item.FrameVOILUTSequence = [voi]
    data_set.PerFrameFunctionalGroupsSequence = items
    path = save(tmp_path / "a.dcm", data_set)
    for number in (1, 3):
        expected = np.clip(
            ((data_set.pixel_array[number - 1] - (100 * number - 0.5)) / (50 * number - 1) + 0.5) * 255,
            0,
            255,
        )
        assert np.abs(drawn(path, number) - expected).max() <= 1


@pytest.mark.parametrize("name", ["examples_palette.dcm", "gdcm-US-ALOKA-16.dcm"])
def test_palettes(name: str) -> None:
    found = corpus_file(f"pydicom-data__{name}") or wheel_file(name)
    if not found.exists():
        pytest.skip(f"{name} is not here")
    data_set = read(found)
    if data_set.PhotometricInterpretation != "PALETTE COLOR":
        pytest.skip(f"{name} has no palette")
    expected = apply_color_lut(data_set.pixel_array, data_set).astype(np.float64)
    if expected.max() > 255:
        expected = expected / 65535 * 255
    assert np.abs(drawn(found) - expected).max() <= 1


def test_a_palette_in_segments(tmp_path: Path) -> None:
    data_set = read(wheel_file("examples_palette.dcm"))
    # Two discrete entries, 126 on a line, then those again by reference, and again.
    segments = struct.pack("<HHHH", 0, 2, 0, 500) + struct.pack("<HHH", 1, 126, 65000)
    segments += struct.pack("<HHHH", 2, 2, 0, 0)
    for number in (1, 2, 3):
        del data_set[0x00281200 + number]
        data_set.add_new(0x00281220 + number, "OW", segments)
        data_set[0x00281100 + number].value = [256, 0, 16]
    path = save(tmp_path / "a.dcm", data_set)
    expected = apply_color_lut(data_set.pixel_array, data_set).astype(np.float64) / 65535 * 255
    assert np.abs(drawn(path) - expected).max() <= 1
    found = expand_segments(segments, 256)
    assert found is not None
    assert np.array_equal(found[:128], found[128:])


@pytest.mark.parametrize(
    "segments",
    [
        b"",
        struct.pack("<HH", 0, 5),
        struct.pack("<HHH", 1, 5, 9),
        struct.pack("<HHHH", 2, 65535, 0, 0),
        struct.pack("<HHHH", 2, 1, 4, 0) * 2,
        struct.pack("<HH", 7, 7),
        struct.pack("<HHH", 0, 1, 7) + struct.pack("<HHHH", 2, 65535, 0xFFFF, 0xFFFF),
        struct.pack("<HH", 0, 0) * 5000 + struct.pack("<HHHH", 2, 65535, 0, 0) * 5000,
    ],
)
def test_segments_that_are_none(segments: bytes) -> None:
    assert expand_segments(segments, 256) is None


@pytest.mark.parametrize("name", ["SC_ybr_full_uncompressed.dcm", "SC_ybr_full_422_uncompressed.dcm"])
def test_colour_is_converted_as_pydicom_does(name: str) -> None:
    path = corpus_file(f"pydicom-data__{name}") or wheel_file(name)
    if not path.exists():
        pytest.skip(f"{name} is not here")
    stored = pixel_array(path, raw=True)
    expected = convert_color_space(stored, read(path).PhotometricInterpretation, "RGB")
    assert np.abs(drawn(path).astype(int) - expected).max() <= 1


def test_red_green_and_blue_stay() -> None:
    path = wheel_file("SC_rgb_small_odd.dcm")
    assert np.array_equal(drawn(path), read(path).pixel_array)


def test_masks_are_black_and_white(tmp_path: Path) -> None:
    path = wheel_file("liver_1frame.dcm")
    data_set = read(path)
    mask = data_set.pixel_array.astype(bool)
    assert np.array_equal(drawn(path), np.where(mask, 255, 0))
    data_set.PhotometricInterpretation = "MONOCHROME1"
    assert np.array_equal(drawn(save(tmp_path / "a.dcm", data_set)), np.where(mask, 0, 255))


def test_label_maps_have_their_recommended_colours(tmp_path: Path) -> None:
    path = corpus_file("highdicom__seg_image_sm_control_labelmap.dcm")
    if path is None:
        pytest.skip("the corpus is not here")
    data_set = read(path)
    labels = data_set.pixel_array[0]
    for segment in data_set.SegmentSequence:
        segment.RecommendedDisplayCIELabValue = [39321, 45746, 22616]
    found = drawn(save(tmp_path / "a.dcm", data_set))
    described = [segment.SegmentNumber for segment in data_set.SegmentSequence if segment.SegmentNumber]
    for label in np.unique(labels):
        colour = found[labels == label]
        assert (colour == colour[0]).all()
        if label in described:
            assert np.abs(colour[0].astype(int) - np.array(rgb_by_little_cms(60, 50, -40))).max() <= 2
    plain = drawn(path)
    assert len(np.unique(plain.reshape(-1, 3), axis=0)) == len(np.unique(labels))


def rgb_by_little_cms(lightness: int, a: int, b: int) -> tuple[int, ...]:
    """CIELab under D50, as in ICC profiles, whose 8 bits hold a* and b* as signed bytes."""
    pixel = bytes([round(lightness * 2.55), a & 0xFF, b & 0xFF])
    transform = ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )  # fmt: skip
    image = ImageCms.applyTransform(Image.frombytes("LAB", (1, 1), pixel), transform)
    assert image is not None
    return tuple(np.asarray(image)[0, 0].tolist())


@pytest.mark.parametrize(
    "colour",
    [(0, 0, 0), (100, 0, 0), (60, 50, -40), (53, 40, 40), (80, -30, 30), (32, 79, -108)],
)
def test_cielab_is_what_little_cms_says(colour: tuple[int, int, int]) -> None:
    # PS3.3 C.10.7.1.1: each as 16 bits.
    scaled = [round(colour[0] / 100 * 65535), *(round((value + 128) / 255 * 65535) for value in colour[1:])]
    found = rgb_of_cielab((scaled[0], scaled[1], scaled[2]))
    assert np.abs(np.array(found) - np.array(rgb_by_little_cms(*colour))).max() <= 2


def test_fractional_segments_reach_white(tmp_path: Path) -> None:
    path = corpus_file("highdicom__seg_image_ct_binary_fractional.dcm")
    if path is None:
        pytest.skip("the corpus is not here")
    data_set = read(path)
    assert data_set.MaximumFractionalValue == 255
    assert np.array_equal(drawn(path), data_set.pixel_array[0])
    data_set.MaximumFractionalValue = 100
    expected = np.clip(data_set.pixel_array[0] / 100 * 255, 0, 255)
    assert np.abs(drawn(save(tmp_path / "a.dcm", data_set)) - expected).max() <= 1


PICTURE = np.arange(6 * 10 * 3, dtype=np.uint8).reshape(6, 10, 3)


@pytest.mark.parametrize(
    ("viewport", "expected"),
    [
        (Viewport(10, 6), PICTURE),
        (Viewport(100, 6), PICTURE),
        (Viewport(4, 3, 2, 1, 4, 3), PICTURE[1:4, 2:6]),
        (Viewport(4, 3, 2, 1, -4, 3), PICTURE[1:4, 2:6][:, ::-1]),
        (Viewport(4, 3, 2, 1, 4, -3), PICTURE[1:4, 2:6][::-1]),
        (Viewport(2, 6, 8, 0, 50, 50), PICTURE[:, 8:]),
        (Viewport(2, 2, -3, -3, 5, 5), PICTURE[:2, :2]),
    ],
)
def test_viewports(viewport: Viewport, expected: NDArray[np.uint8]) -> None:
    assert np.array_equal(fit(PICTURE, viewport), expected)


def test_viewports_scale() -> None:
    mask = np.zeros((6, 10), np.uint8)
    mask[:, 5:] = 255
    twice = fit(mask, Viewport(20, 100), smooth=False)
    assert np.array_equal(twice, mask.repeat(2, 0).repeat(2, 1))
    assert fit(mask, Viewport(5, 100)).shape == (3, 5)
    assert fit(np.zeros((1, 4000), np.uint8), Viewport(16, 16)).shape == (1, 16)
    with pytest.raises(EmptyRegionError):
        fit(mask, Viewport(5, 5, 10, 0, 5, 5))


PLACES = st.floats(-1e3, 1e3) | st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=200, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    part=st.tuples(PLACES, PLACES, st.none() | PLACES.filter(bool), st.none() | PLACES.filter(bool)),
    smooth=st.booleans(),
)
def test_no_viewport_is_exceeded(
    shape: tuple[int, int], size: tuple[int, int], part: tuple[Any, ...], smooth: bool
) -> None:
    try:
        found = fit(np.zeros(shape, np.uint8), Viewport(*size, *part), smooth=smooth)
    except EmptyRegionError:
        return
    assert 1 <= found.shape[0] <= size[1]
    assert 1 <= found.shape[1] <= size[0]


@given(
    name=st.sampled_from(["window", "viewport", "quality", "annotation", "iccprofile"]),
    value=st.text(max_size=30),
)
def test_any_text_is_read_or_refused(name: str, value: str) -> None:
    assert isinstance(parse_parameters([(name, value)]), RenderingParameters | Refusal)


@pytest.mark.parametrize("media_type", RENDERED_TYPES)
@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
def test_each_media_type_is_read_by_pillow(media_type: str, shape: tuple[int, ...]) -> None:
    ramp = np.linspace(0, 255, 20 * 30).reshape(20, 30).astype(np.uint8)
    picture = ramp if len(shape) == 2 else np.stack([ramp, ramp[::-1], ramp], axis=-1)
    image = Image.open(io.BytesIO(encode(picture, media_type)))
    assert image.get_format_mimetype() == media_type
    found = np.asarray(image.convert("L" if len(shape) == 2 else "RGB")).astype(int)
    allowed = {"image/jpeg": 24, "image/png": 0, "image/gif": 0 if len(shape) == 2 else 64}[media_type]
    assert np.abs(found - picture).max() <= allowed
    assert not image.info.get("progressive")


def test_quality_is_what_a_jpeg_costs() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64), np.uint8)
    sizes = [len(encode(noise, "image/jpeg", quality=quality)) for quality in (5, 50, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 3


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, RenderingParameters()),
        ({"unknown": "x"}, RenderingParameters()),
        ({"window": "40,400,linear"}, RenderingParameters(window=Window(40, 400))),
        ({"window": "-4.5,.5,sigmoid"}, RenderingParameters(window=Window(-4.5, 0.5, "sigmoid"))),
        ({"window": "1e2,1,linear-exact"}, RenderingParameters(window=Window(100, 1, "linear-exact"))),
        ({"viewport": "100,200"}, RenderingParameters(viewport=Viewport(100, 200))),
        ({"viewport": "100,200,1.5,2,-3,4"}, RenderingParameters(viewport=Viewport(100, 200, 1.5, 2, -3, 4))),
        ({"viewport": "100,200,,,30,40"}, RenderingParameters(viewport=Viewport(100, 200, 0, 0, 30, 40))),
        ({"viewport": "100,200,5,6,,"}, RenderingParameters(viewport=Viewport(100, 200, 5, 6))),
        ({"quality": "1"}, RenderingParameters(quality=1)),
        ({"iccprofile": "no"}, RenderingParameters()),
    ],
)
def test_parameters(query: dict[str, str], expected: RenderingParameters) -> None:
    assert parse_parameters(list(query.items())) == expected


@pytest.mark.parametrize(
    "query", [("annotation", "patient"), ("annotation", "patient,technique"), ("iccprofile", "srgb")]
)
def test_what_is_not_supported_is_said(query: tuple[str, str]) -> None:
    found = parse_parameters([query])
    assert isinstance(found, RenderingParameters)
    assert found.warnings == (f"{query[0]} is not supported",)


@pytest.mark.parametrize(
    "query",
    [
        "window=",
        "window=40,400",
        "window=40,400,LINEAR",
        "window=40,0,sigmoid",
        "window=40,0.5,linear",
        "window=nan,1,linear",
        "window=1e999,1,linear",
        "window=1,2,linear,3",
        "viewport=100",
        "viewport=0,100",
        "viewport=-1,100",
        "viewport=1.5,100",
        "viewport=100,200,1,2,3",
        "viewport=100,200,1,2,0,4",
        "viewport=9000,10",
        "viewport=8000,8000",
        "viewport=99999999999,1",
        "quality=0",
        "quality=101",
        "quality=5.5",
        "quality=\N{ARABIC-INDIC DIGIT FIVE}",
        "annotation=name",
        "iccprofile=cmyk",
        "quality=5&quality=6",
    ],
)
def test_values_that_a_parameter_does_not_have(query: str) -> None:
    pairs = [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&"))]
    found = parse_parameters(pairs)
    assert isinstance(found, Refusal)
    assert (found.status, found.kind) == (400, "parameter")


def test_a_thumbnail_has_a_size_alone() -> None:
    found = parse_parameters([("window", "nonsense"), ("quality", "7")], thumbnail=True)
    assert found == RenderingParameters(viewport=Viewport(128, 128))
    assert isinstance(parse_parameters([("viewport", "5,5,1,1,2,2")], thumbnail=True), Refusal)


HOSTILE = [
    "CT_small.dcm",
    "liver_1frame.dcm",
    "examples_palette.dcm",
    "MR_small_implicit.dcm",
    "SC_rgb_small_odd.dcm",
]


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_damaged_files_are_pictures_or_an_error(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(wheel_file(HOSTILE[seed % len(HOSTILE)]).read_bytes())
    for place in rng.integers(132, min(len(data), 3000), 1 + seed % 6):
        data[place] = rng.integers(256)
    path = tmp_path_factory.getbasetemp() / "damaged.dcm"
    path.write_bytes(data)
    try:
        found = drawn(path)
    except FrameDeflateError:
        return
    assert found.dtype == np.uint8


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_attributes_of_any_kind_are_read(tmp_path: Path) -> None:
    """Explicit VR lets a file say that a window is a name, and a table's descriptor text."""
    data_set = read(wheel_file("CT_small.dcm"))
    plain = drawn(save(tmp_path / "a.dcm", data_set))
    for tag in (
        0x00280120,
        0x00280121,
        0x00281050,
        0x00281051,
        0x00281056,
        0x00283002,
        0x0062000E,
        0x20500020,
    ):
        data_set.add_new(tag, "LO", ["word", ""])
    table = Dataset()
    for tag in (0x00283002, 0x00283006):
        table.add_new(tag, "LO", ["a", "b", "c"])
    data_set.add_new(0x00283000, "SQ", [table])
    data_set.add_new(0x52009229, "LO", "no sequence")
    data_set.add_new(0x52009230, "LO", "nor this")
    assert np.array_equal(drawn(save(tmp_path / "b.dcm", data_set)), plain)
    palette = read(wheel_file("examples_palette.dcm"))
    for number in (1, 2, 3):
        palette.add_new(0x00281100 + number, "LO", ["256", "0", "16"])
    assert drawn(save(tmp_path / "c.dcm", palette)).ndim == 2
