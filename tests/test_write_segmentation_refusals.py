# SPDX-License-Identifier: Apache-2.0
"""What no Segmentation can be written from is refused with a kind and a plane's number, and nothing is left behind."""

import copy
import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

import framedeflate.pydicom_plugin as plugin
from framedeflate.errors import SegmentationError
from segmentation_samples import built, organs, series

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

LABELS = organs(6)
IMAGES = series(6)


@pytest.fixture(scope="module")
def binary() -> Any:
    return built(IMAGES[:1], LABELS[1:2])


@pytest.fixture
def template(binary: Any) -> pydicom.Dataset:
    plain = pydicom.Dataset()
    plain.update(copy.deepcopy(dict(binary.items())))
    plain.file_meta = copy.deepcopy(binary.file_meta)
    return plain


def refusal(folder: Path, template: pydicom.Dataset, planes: Any, **options: Any) -> SegmentationError:
    """The error, after which the folder holds what it held."""
    before = sorted(folder.iterdir())
    with pytest.raises(SegmentationError) as caught:
        plugin.write_segmentation(folder / "seg.dcm", template, planes, **options)
    assert sorted(folder.iterdir()) == before
    assert str(caught.value)
    return caught.value


def with_label(value: Any, dtype: Any = np.int32) -> NDArray[Any]:
    labels = LABELS.astype(dtype)
    labels[2, 0, 0] = value
    return labels


PLANES: dict[str, tuple[Any, str]] = {
    "another shape": (LABELS[:, :-1], "plane"),
    "three dimensions too many": (np.zeros((6, 128, 128, 3, 1), bool), "plane"),
    "masks for another number of segments": (np.zeros((6, 128, 128, 2), bool), "plane"),
    "masks that are no masks": (np.full((6, 128, 128, 3), 2, np.uint8), "plane"),
    "fractions": (LABELS.astype(np.float32), "plane"),
    "no array": (["a", "b"], "plane"),
}


@pytest.mark.parametrize("name", PLANES)
def test_planes_that_are_none(name: str, template: pydicom.Dataset, tmp_path: Path) -> None:
    planes, kind = PLANES[name]
    error = refusal(tmp_path, template, planes, source_images=IMAGES)
    assert (error.kind, error.plane_number) == (kind, 1)


@pytest.mark.parametrize("label", [4, 255, 300, 2**31 - 1, -1, -(2**31)])
def test_labels_of_no_segment(label: int, template: pydicom.Dataset, tmp_path: Path) -> None:
    error = refusal(tmp_path, template, with_label(label), source_images=IMAGES)
    assert (error.kind, error.plane_number) == ("label", 3)
    template.SegmentSequence[2].SegmentNumber = 9
    error = refusal(tmp_path, template, np.where(LABELS == 3, 9, with_label(5)), source_images=IMAGES)
    assert (error.kind, error.plane_number) == ("label", 3)


@pytest.mark.parametrize("count", [5, 7])
def test_another_number_of_planes_than_of_places(
    count: int, template: pydicom.Dataset, tmp_path: Path
) -> None:
    planes = np.concatenate([LABELS, LABELS])[:count]
    assert refusal(tmp_path, template, planes, source_images=IMAGES).kind == "plane-count"
    positions = [image.ImagePositionPatient for image in IMAGES]
    assert refusal(tmp_path, template, iter(planes), positions=iter(positions)).kind == "plane-count"


def test_no_plane(template: pydicom.Dataset, tmp_path: Path) -> None:
    assert refusal(tmp_path, template, [], source_images=[]).kind == "plane-count"


@pytest.mark.parametrize(
    "position",
    [(0, 0, 0), (1, 2), (1, 2, 3, 4), ("a", "b", "c"), (0, 0, float("nan")), (0, 0, float("inf")), 3, None],
)
def test_positions_that_are_none_or_twice(position: Any, template: pydicom.Dataset, tmp_path: Path) -> None:
    positions: list[Any] = [(0, 0, index) for index in range(6)]
    positions[3] = position
    error = refusal(tmp_path, template, LABELS, positions=positions)
    assert (error.kind, error.plane_number) == ("position", 4)


SOURCES: dict[str, Callable[[pydicom.Dataset], object]] = {
    "no position": lambda image: delattr(image, "ImagePositionPatient"),
    "no UID": lambda image: setattr(image, "SOPInstanceUID", ""),
    "another study": lambda image: setattr(image, "StudyInstanceUID", "1.2"),
    "another frame of reference": lambda image: setattr(image, "FrameOfReferenceUID", "1.2"),
    "another size": lambda image: setattr(image, "Rows", 64),
    "another orientation": lambda image: setattr(image, "ImageOrientationPatient", [0, 1, 0, 1, 0, 0]),
    "another spacing": lambda image: setattr(image, "PixelSpacing", [1, 1]),
    "no spacing": lambda image: delattr(image, "PixelSpacing"),
    "a spacing that is none": lambda image: image.add_new(0x00280030, "LO", "wide"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_source_images_on_which_planes_do_not_lie(
    name: str, template: pydicom.Dataset, tmp_path: Path
) -> None:
    images = copy.deepcopy(IMAGES)
    SOURCES[name](images[4])
    error = refusal(tmp_path, template, LABELS, source_images=images)
    assert (error.kind, error.plane_number) == ("source-image", 5)


@pytest.mark.parametrize("source", [None, "seg.dcm", 3])
def test_source_images_that_are_none(source: Any, template: pydicom.Dataset, tmp_path: Path) -> None:
    error = refusal(tmp_path, template, LABELS, source_images=[source] * 6)
    assert (error.kind, error.plane_number) == ("source-image", 1)


def delete(*keywords: str) -> Callable[[pydicom.Dataset], None]:
    def change(template: pydicom.Dataset) -> None:
        for keyword in keywords:
            del template[keyword]

    return change


def change_pointer(template: pydicom.Dataset) -> None:
    template.DimensionIndexSequence[1].DimensionIndexPointer = 0x00209057


def describe_twice(template: pydicom.Dataset) -> None:
    template.SegmentSequence[1].SegmentNumber = 1


def share_segment(template: pydicom.Dataset) -> None:
    group = template.PerFrameFunctionalGroupsSequence[0].SegmentIdentificationSequence
    template.SharedFunctionalGroupsSequence[0].SegmentIdentificationSequence = group


TEMPLATES: dict[str, Callable[[pydicom.Dataset], object]] = {
    "fractional": lambda template: setattr(template, "SegmentationType", "FRACTIONAL"),
    "no type": delete("SegmentationType"),
    "no segments": delete("SegmentSequence"),
    "a segment twice": describe_twice,
    "no rows": delete("Rows"),
    "eight bits": lambda template: setattr(template, "BitsAllocated", 8),
    "no frame": delete("PerFrameFunctionalGroupsSequence"),
    "no shared groups": delete("SharedFunctionalGroupsSequence"),
    "no dimensions": delete("DimensionIndexSequence"),
    "other dimensions": change_pointer,
    "segments that are one": share_segment,
    "no orientation": lambda template: delete("PlaneOrientationSequence")(
        template.SharedFunctionalGroupsSequence[0]
    ),
    "half an orientation": lambda template: setattr(
        template.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0],
        "ImageOrientationPatient",
        [1, 0, 0],
    ),
    "an index of nothing": lambda template: delete("DimensionIndexPointer")(
        template.DimensionIndexSequence[0]
    ),
    "a segment without a number": lambda template: delete("SegmentNumber")(template.SegmentSequence[0]),
    "a reference to nothing": lambda template: delete("ReferencedSOPInstanceUID")(
        template.SourceImageSequence[0]
    ),
    "no class": delete("SOPClassUID"),
    "what pydicom cannot write": lambda template: template.add_new(0x00100010, "US", "three"),
}


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_templates_that_lack_something(name: str, template: pydicom.Dataset, tmp_path: Path) -> None:
    if name == "no class":
        del template.file_meta.MediaStorageSOPClassUID
    TEMPLATES[name](template)
    error = refusal(tmp_path, template, LABELS, source_images=IMAGES)
    assert (error.kind, error.plane_number) == ("template", None)


def test_arguments(template: pydicom.Dataset, tmp_path: Path) -> None:
    positions = [image.ImagePositionPatient for image in IMAGES]
    for options in (
        {},
        {"source_images": IMAGES, "positions": positions},
        {"source_images": IMAGES, "level": 0},
        {"source_images": IMAGES, "threads": -1},
        {"source_images": IMAGES, "sop_instance_uid": "1.02"},
    ):
        with pytest.raises(ValueError, match=r"must|give|no valid"):
            plugin.write_segmentation(tmp_path / "seg.dcm", template, LABELS, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ZeroDivisionError, OSError])
@pytest.mark.parametrize("threads", [1, 2])
def test_what_stops_the_planes_leaves_nothing(
    kind: type[BaseException], threads: int, template: pydicom.Dataset, tmp_path: Path
) -> None:
    def planes() -> Iterator[NDArray[Any]]:
        yield from LABELS[:4]
        # Both spools and the file to be are there, and two spools have no name.
        assert len(list(tmp_path.iterdir())) == 1
        raise kind(errno.EIO, "stopped")

    with pytest.raises(kind):
        plugin.write_segmentation(
            tmp_path / "seg.dcm", template, planes(), source_images=IMAGES, threads=threads
        )
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there(template: pydicom.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "seg.dcm"
    path.write_bytes(b"there")

    def planes() -> Iterator[NDArray[Any]]:
        raise AssertionError("asked for a plane in vain")
        yield LABELS[0]

    with pytest.raises(FileExistsError):
        plugin.write_segmentation(path, template, planes(), source_images=IMAGES)
    with pytest.raises(FileNotFoundError):
        plugin.write_segmentation(tmp_path / "none/seg.dcm", template, planes(), source_images=IMAGES)
    assert refusal(tmp_path, template, with_label(9), source_images=IMAGES, overwrite=True).kind == "label"
    assert path.read_bytes() == b"there"
    plugin.write_segmentation(path, template, LABELS, source_images=IMAGES, overwrite=True)
    assert pydicom.dcmread(path).NumberOfFrames == 7
