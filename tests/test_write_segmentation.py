# SPDX-License-Identifier: Apache-2.0
"""Segmentations written plane by plane are those that highdicom builds whole, and highdicom reads them."""

import io
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

import framedeflate.pydicom_plugin as plugin
import judge
from corpus import corpus_file, corpus_files
from framedeflate import FrameReader, verify_file
from framedeflate.errors import SegmentationError
from peers import require_peer
from segmentation_samples import built, hd, organs, series

plugin.register()

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

OWN = {
    # keyword: why it differs from what highdicom builds whole
    "InstanceCreationTime": "the template's",
    "InstanceCreationDate": "the template's",
    "ContentTime": "the template's",
    "ContentDate": "the template's",
    "SOPInstanceUID": "another instance",
    "ContributingEquipmentSequence": "highdicom notes the time there",
    "DimensionOrganizationSequence": "highdicom makes a new UID each time",
    "DimensionIndexSequence": "that UID",
    "PixelData": "how it is encoded; its Frames are compared",
}


def saved(dataset: Any) -> pydicom.Dataset:
    """A Dataset as it comes back from a file: highdicom's own classes do not compare."""
    file = io.BytesIO()
    dataset.save_as(file)
    return pydicom.dcmread(io.BytesIO(file.getvalue()))


def check_equal(path: Path, whole: Any, *, own: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """Compare a file with what highdicom built: every attribute, every Frame."""
    assert list(verify_file(path)) == []
    expected, found = saved(whole), pydicom.dcmread(path)
    assert expected.keys() == found.keys()
    different = {element.keyword for element in expected if found[element.tag] != element}
    assert different - OWN.keys() - own == set()
    native = io.BytesIO()
    whole.save_as(native)
    assert judge.read(path).frames() == judge.read(native.getvalue()).frames()


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("threads", [1, 3])
def test_it_is_what_highdicom_builds(kind: str, threads: int, tmp_path: Path) -> None:
    images, labels = series(8), organs(8)
    template = built(images[:1], labels[1:2], kind)
    path = tmp_path / "seg.dcm"
    assert (
        plugin.write_segmentation(path, template, iter(labels), source_images=iter(images), threads=threads)
        == path
    )
    check_equal(path, built(images, labels, kind))
    assert [file.name for file in tmp_path.iterdir()] == ["seg.dcm"]


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_the_order_in_which_planes_come_does_not_matter(kind: str, tmp_path: Path) -> None:
    images, labels = series(8), organs(8)
    order = [5, 0, 7, 3, 1, 6, 2, 4]
    plugin.write_segmentation(
        tmp_path / "seg.dcm",
        built(images[:1], labels[1:2], kind),
        (labels[index] for index in order),
        source_images=[images[index] for index in order],
    )
    check_equal(
        tmp_path / "seg.dcm",
        built(images, labels, kind),
        own={"SourceImageSequence", "ReferencedSeriesSequence"},  # in that order
    )


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_highdicom_reads_the_labels_back(kind: str, tmp_path: Path, *, lazy: bool) -> None:
    images, labels = series(8, rows=61, columns=45), organs(8, rows=61, columns=45)
    template = built(images[:1], labels[1:2], kind)
    plugin.write_segmentation(tmp_path / "seg.dcm", template, labels, source_images=images)
    read = hd.seg.segread(tmp_path / "seg.dcm", lazy_frame_retrieval=lazy)
    volume = read.get_volume(combine_segments=True)
    # highdicom leaves out the empty planes at both ends, and counts planes from the top.
    assert volume.array.shape == (6, 61, 45)
    assert any(np.array_equal(volume.array, labels[1:7][::step]) for step in (1, -1))
    assert volume.get_geometry().spacing[0] == pytest.approx(2.5)
    pixels = read.get_pixels_by_source_instance(
        [image.SOPInstanceUID for image in images],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    assert np.array_equal(pixels, labels)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_positions_alone(kind: str, tmp_path: Path) -> None:
    images, labels = series(8), organs(8)
    template = built(images[:1], labels[1:2], kind)
    positions = np.array([image.ImagePositionPatient for image in images], float)
    plugin.write_segmentation(tmp_path / "seg.dcm", template, labels, positions=positions)
    found, expected = pydicom.dcmread(tmp_path / "seg.dcm"), built(images, labels, kind)
    assert np.array_equal(found.pixel_array, expected.pixel_array)
    assert found.SourceImageSequence == template.SourceImageSequence
    for ours, theirs in zip(
        found.PerFrameFunctionalGroupsSequence, expected.PerFrameFunctionalGroupsSequence, strict=True
    ):
        assert len(ours.DerivationImageSequence) == 0
        assert ours.FrameContentSequence == theirs.FrameContentSequence
        place, expected_place = ours.PlanePositionSequence[0], theirs.PlanePositionSequence[0]
        # A DS has 16 characters.
        assert place.ImagePositionPatient == pytest.approx(
            list(expected_place.ImagePositionPatient), abs=1e-9
        )
    volume = hd.seg.segread(tmp_path / "seg.dcm").get_volume(combine_segments=True)
    assert any(np.array_equal(volume.array, labels[1:7][::step]) for step in (1, -1))


def test_overlapping_segments(tmp_path: Path) -> None:
    images = series(4)
    masks = np.zeros((4, 128, 128, 3), bool)
    masks[:3, 10:40, 10:40, 0] = masks[1:3, 30:60, 30:60, 2] = True
    template = built(images[:1], organs(6)[1:2])
    plugin.write_segmentation(tmp_path / "seg.dcm", template, masks, source_images=images)
    check_equal(tmp_path / "seg.dcm", built(images, masks))
    assert pydicom.dcmread(tmp_path / "seg.dcm").SegmentsOverlap == "YES"


def test_a_lone_segment(tmp_path: Path) -> None:
    # highdicom then says in the Shared Functional Groups which it is, and that Frames are a volume.
    images, labels = series(8), organs(8) == 1
    template = built(images[:1], labels[1:2], segments=1)
    plugin.write_segmentation(tmp_path / "seg.dcm", template, labels, source_images=images)
    check_equal(tmp_path / "seg.dcm", built(images, labels, segments=1))
    assert pydicom.dcmread(tmp_path / "seg.dcm").DimensionOrganizationType == "3D"


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_empty_planes_are_kept_where_asked_or_where_there_is_nothing_else(kind: str, tmp_path: Path) -> None:
    images = series(8)
    for labels, omit in ((organs(8), False), (np.zeros((8, 128, 128), np.int32), True)):
        template = built(images[:1], organs(8)[1:2], kind)
        plugin.write_segmentation(
            tmp_path / "seg.dcm",
            template,
            labels,
            source_images=images,
            omit_empty_frames=omit,
            overwrite=True,
        )
        whole = built(images, labels.astype(np.uint8), kind, omit_empty_frames=omit)
        check_equal(tmp_path / "seg.dcm", whole)


def tiles(matrix: NDArray[Any], rows: int, columns: int) -> dict[tuple[int, int], NDArray[Any]]:
    """A total pixel matrix in tiles, the last ones filled up, by row and column from 1."""
    padded = np.pad(matrix, [(0, -matrix.shape[0] % rows), (0, -matrix.shape[1] % columns)])
    return {
        (row + 1, column + 1): padded[row : row + rows, column : column + columns]
        for column in range(0, padded.shape[1], columns)
        for row in range(0, padded.shape[0], rows)
    }


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_tiles_of_a_slide(kind: str, tmp_path: Path) -> None:
    source = corpus_file("highdicom__sm_image.dcm")
    if source is None:
        pytest.skip("the shared corpus is not here")
    slide = pydicom.dcmread(source)
    matrix = np.zeros((slide.TotalPixelMatrixRows, slide.TotalPixelMatrixColumns), np.uint8)
    matrix[3:30, 5:20], matrix[25:45, 15:44] = 1, 2
    whole = built([slide], matrix[None], kind, tile_pixel_array=True)
    origin = slide.TotalPixelMatrixOriginSequence[0]
    position = hd.PlanePositionSequence(
        "SLIDE",
        image_position=(origin.XOffsetInSlideCoordinateSystem, origin.YOffsetInSlideCoordinateSystem, 0),
        pixel_matrix_position=(1, 1),
    )
    template = built(
        [slide],
        np.ones((1, slide.Rows, slide.Columns), np.uint8),
        kind,
        plane_positions=[position],
        pixel_measures=hd.PixelMeasuresSequence.from_sequence(
            slide.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
        ),
    )
    cut = tiles(matrix, slide.Rows, slide.Columns)
    plugin.write_segmentation(tmp_path / "seg.dcm", template, cut.values(), positions=cut.keys())
    # The template's origin has a third coordinate.
    check_equal(tmp_path / "seg.dcm", whole, own={"TotalPixelMatrixOriginSequence"})
    read = hd.seg.segread(tmp_path / "seg.dcm")
    assert np.array_equal(read.get_total_pixel_matrix(combine_segments=True), matrix)


ORDERS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "columns first": np.asfortranarray,
    "every other": lambda plane: np.repeat(plane, 2, axis=1)[:, ::2],
    "backwards": lambda plane: np.flip(np.ascontiguousarray(np.flip(plane, 0)), 0),
}


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("form", ["labels", "wide labels", "masks", "label map"])
def test_planes_that_lie_otherwise_in_memory(form: str, name: str, tmp_path: Path) -> None:
    images, labels = series(6), organs(6)
    kind = "LABELMAP" if form == "label map" else "BINARY"
    template = built(images[:1], labels[1:2], kind)
    planes: NDArray[Any] = labels
    if form == "wide labels":
        template = pydicom.dcmread(io.BytesIO(bytes_of(template)))
        template.SegmentSequence[2].SegmentNumber = 300
        planes = np.where(labels == 3, np.int32(300), labels).astype(">i4")
    if form == "masks":
        planes = np.stack([labels == number for number in (1, 2, 3)], -1)
    ordered = [ORDERS[name](plane) for plane in planes]
    plugin.write_segmentation(tmp_path / "seg.dcm", template, ordered, source_images=images)
    expected = io.BytesIO(bytes_of(built(images, labels, kind)))
    assert judge.read(tmp_path / "seg.dcm").frames() == judge.read(expected.getvalue()).frames()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint64])
def test_numbers_with_gaps(dtype: type, tmp_path: Path) -> None:
    images = series(6)
    labels: NDArray[Any] = organs(6).astype(dtype)
    labels[labels == 3] = 90
    template = pydicom.dcmread(io.BytesIO(bytes_of(built(images[:1], organs(6)[1:2]))))
    template.SegmentSequence[2].SegmentNumber = 90
    plugin.write_segmentation(tmp_path / "seg.dcm", template, labels, source_images=images)
    read = judge.read(tmp_path / "seg.dcm")
    found = pydicom.dcmread(tmp_path / "seg.dcm")
    for item, frame in zip(found.PerFrameFunctionalGroupsSequence, read.pixels()[..., 0], strict=True):
        number = item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        uid = item.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        plane = labels[[image.SOPInstanceUID for image in images].index(uid)]
        assert np.array_equal(frame, plane == number)
        assert item.FrameContentSequence[0].DimensionIndexValues[0] == {1: 1, 2: 2, 90: 3}[number]


def bytes_of(dataset: pydicom.Dataset, **options: Any) -> bytes:
    file = io.BytesIO()
    dataset.save_as(file, **options)
    return file.getvalue()


def test_a_label_map_of_16_bits(tmp_path: Path) -> None:
    images, labels = series(6), organs(6).astype(np.uint16)
    labels[labels == 3] = 300
    template = pydicom.dcmread(io.BytesIO(bytes_of(built(images[:1], organs(6)[1:2], "LABELMAP"))))
    template.SegmentSequence[-1].SegmentNumber = 300
    template.BitsAllocated = template.BitsStored = 16
    template.HighBit = 15
    plugin.write_segmentation(tmp_path / "seg.dcm", template, labels[::-1], source_images=images[::-1])
    assert list(verify_file(tmp_path / "seg.dcm")) == []
    pixels = judge.read(tmp_path / "seg.dcm").pixels()[..., 0]
    assert any(np.array_equal(pixels, labels[1:5][::step]) for step in (1, -1))


def test_the_template_stays_and_gives_what_is_not_a_frame_s(tmp_path: Path) -> None:
    images, labels = series(6), organs(6)
    template = built(images[:1], labels[1:2])
    template.ContentDescription = "Gehirn"
    template.PerFrameFunctionalGroupsSequence[0].FrameVOILUTSequence = [pydicom.Dataset()]
    template.PerFrameFunctionalGroupsSequence[0].FrameVOILUTSequence[0].WindowCenter = "1"
    before = bytes_of(template)
    # Implicit VR, and what stands between and behind the parts that are made anew.
    template.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    template.add_new(0x56000010, "OF", b"\0\0\0\0")
    template.add_new(0xFFFCFFFC, "OB", b"\0\0")
    read = pydicom.dcmread(io.BytesIO(bytes_of(template, implicit_vr=True)))
    del template[0x56000010], template[0xFFFCFFFC]
    template.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    for given in (template, read):
        plugin.write_segmentation(
            tmp_path / "seg.dcm",
            given,
            labels,
            source_images=images,
            sop_instance_uid="1.2.3.77",
            overwrite=True,
        )
        assert list(verify_file(tmp_path / "seg.dcm")) == []
        found = pydicom.dcmread(tmp_path / "seg.dcm")
        assert found.SOPInstanceUID == found.file_meta.MediaStorageSOPInstanceUID == "1.2.3.77"
        assert found.SOPInstanceUID != given.SOPInstanceUID
        assert found.ContentDescription == "Gehirn"
        for item in found.PerFrameFunctionalGroupsSequence:
            assert item.FrameVOILUTSequence[0].WindowCenter == 1
            assert [element.tag for element in item] == sorted(element.tag for element in item)
    assert 0x56000010 in found
    assert 0xFFFCFFFC in found
    assert bytes_of(template) == before


def test_a_template_s_volume_is_not_the_segmentation_s(tmp_path: Path) -> None:
    images, labels = series(6), organs(6)
    template = built(images, labels, "LABELMAP")
    assert template.DimensionOrganizationType == "3D"
    positions = [(0, 0, place) for place in (0, 1, 2, 4, 8, 16)]
    plugin.write_segmentation(tmp_path / "seg.dcm", template, labels, positions=positions)
    found = pydicom.dcmread(tmp_path / "seg.dcm")
    assert "DimensionOrganizationType" not in found
    assert "SpacingBetweenSlices" not in found.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]


def test_our_reader_finds_the_frames_of_a_segment(tmp_path: Path) -> None:
    images, labels = series(8), organs(8)
    template = built(images[:1], labels[1:2])
    plugin.write_segmentation(tmp_path / "seg.dcm", template, labels, source_images=images)
    with FrameReader.open(tmp_path / "seg.dcm") as reader:
        for segment in (1, 2, 3):
            found = {}
            for number in reader.frames_for(segment=segment):
                position = reader.frame_metadata(frame_number=number).image_position
                assert position is not None
                found[round(position[2], 3)] = reader[int(number) - 1]
            for image, plane in zip(images, labels == segment, strict=True):
                place = round(float(image.ImagePositionPatient[2]), 3)
                assert np.array_equal(found.get(place, np.zeros_like(plane)), plane)


REFUSED = {
    # name in the shared corpus: why it cannot be a template
    "brain_tissue_fractional8_occupancy_109x91.dcm": "FRACTIONAL",
    "dcmqi__sparse-labelmap-noppv.dcm": "Frames by Stack ID",
    "highdicom__seg_image_cr_binary.dcm": "no coordinate system",
    "highdicom__seg_image_ct_binary_fractional.dcm": "FRACTIONAL",
    "pydicom-data__liver_expb.dcm": "Big Endian",
    "pydicom__liver_expb_1frame.dcm": "Big Endian",
}


def real_segmentations() -> list[Path]:
    """Segmentations of the shared corpus, in any Transfer Syntax."""
    paths = [file.path for file in corpus_files()]
    classes = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}
    return [path for path in paths if media_class(path) in classes and path.parent.name != "vectors"]


def media_class(path: Path) -> str:
    return judge.read_meta(path.read_bytes()[:4096])[0].get(0x00020002, b"").rstrip(b"\0").decode("ascii")


@pytest.mark.parametrize("path", real_segmentations(), ids=lambda path: path.name)
def test_real_segmentations_are_templates(path: Path, tmp_path: Path) -> None:
    template = pydicom.dcmread(path)
    planes = np.zeros((3, template.Rows, template.Columns), np.uint16)
    number = int(template.SegmentSequence[-1].SegmentNumber)
    planes[0, 1:3, 1:4] = planes[2, 4:6, 2] = number
    is_tiled = "TotalPixelMatrixRows" in template
    columns = int(template.Columns)
    positions: Any = (
        [(1, 1), (1, columns + 1), (1, 2 * columns + 1)] if is_tiled else [(0, 0, 0), (1, 2, 4), (3, 7, 13)]
    )
    if path.name in REFUSED:
        with pytest.raises(SegmentationError) as caught:
            plugin.write_segmentation(tmp_path / "seg.dcm", template, planes, positions=positions)
        assert caught.value.kind == "template"
        return
    plugin.write_segmentation(tmp_path / "seg.dcm", template, planes, positions=positions)
    assert list(verify_file(tmp_path / "seg.dcm")) == []
    pixels = judge.read(tmp_path / "seg.dcm").pixels()[..., 0]
    expected = planes[[0, 2]] if template.SegmentationType == "LABELMAP" else planes[[0, 2]] == number
    assert any(np.array_equal(pixels, expected[::step]) for step in (1, -1))
    if len(template.SegmentSequence) < 100:
        # highdicom takes seconds for hundreds.
        assert hd.seg.segread(tmp_path / "seg.dcm").number_of_frames == 2


def test_progress(tmp_path: Path) -> None:
    images, labels = series(6), organs(6)
    template = built(images[:1], labels[1:2])
    for planes, sources, total in ((iter(labels), images, 6), (iter(labels), iter(images), 0)):
        said: list[tuple[int, int]] = []
        plugin.write_segmentation(
            tmp_path / "seg.dcm",
            template,
            planes,
            source_images=sources,
            overwrite=True,
            progress=lambda *done: said.append(done),  # noqa: B023
        )
        assert said[0] == (6, total)
        assert said[-1] == (6, 6)


@pytest.mark.parametrize("command", ["dcmdump", "dcm2xml"])
def test_dcmtk_reads_it(command: str, tmp_path: Path) -> None:
    program = require_peer(command)
    images, labels = series(6), organs(6)
    template = built(images[:1], labels[1:2])
    plugin.write_segmentation(tmp_path / "seg.dcm", template, labels, source_images=images)
    done = subprocess.run(
        [program, str(tmp_path / "seg.dcm")], capture_output=True, text=True, errors="replace", check=False
    )
    assert (
        done.returncode,
        [line for line in done.stderr.splitlines() if line.startswith(("W:", "E:"))],
    ) == (0, [])
    assert done.stdout.count("DimensionIndexValues") == len(
        pydicom.dcmread(tmp_path / "seg.dcm").PerFrameFunctionalGroupsSequence
    )
