# SPDX-License-Identifier: Apache-2.0
"""Foreign files that are refused, and the reason that is given."""

from pathlib import Path

import pytest

from corpus import wheel_file
from dicom_writer import data_set, image, part10, pixel_data
from framedeflate import compress_file, decompress_file
from framedeflate.errors import EncapsulationError, UnsupportedImageError

RLE = "1.2.840.10008.1.2.5"


@pytest.mark.parametrize(
    ("uid", "frames", "kind"),
    [
        # An end marker that no Fragment holds, and no Frame either: nothing must be indexed.
        ("1.2.840.10008.1.2.4.80", "0", "image-pixel"),
        (RLE, "0", "image-pixel"),
        # Video holds all Frames in one Fragment; that is not what is wrong with it.
        ("1.2.840.10008.1.2.4.100", "100", "decoder"),
        ("1.2.840.10008.1.2.4.95.1", "100", "decoder"),
    ],
)
def test_what_is_refused_before_its_fragments_are_counted(
    tmp_path: Path, uid: str, frames: str, kind: str
) -> None:
    path = tmp_path / "source.dcm"
    path.write_bytes(part10(data_set(image(frames=frames, allocated=8)) + pixel_data([b"\1\2"]), uid=uid))
    for transcode in (compress_file, decompress_file):
        with pytest.raises(UnsupportedImageError) as caught:
            transcode(path, tmp_path / "out.dcm")
        assert caught.value.kind == kind


def test_foreign_fragments_that_cannot_be_counted_are_not_held_to_another_syntax(tmp_path: Path) -> None:
    path = tmp_path / "source.dcm"
    body = data_set(image(frames="3", allocated=8)) + pixel_data([b"\1\2"])
    path.write_bytes(part10(body, uid=RLE))
    with pytest.raises(EncapsulationError) as caught:
        decompress_file(path, tmp_path / "out.dcm")
    assert caught.value.kind == "fragment-count"
    assert "A.4.13" not in str(caught.value)


def test_what_changes_is_said(tmp_path: Path) -> None:
    notes = compress_file(wheel_file("SC_rgb_jpeg_dcmtk.dcm"), tmp_path / "colour").notes
    assert any("Photometric Interpretation is RGB" in note for note in notes)
    assert compress_file(wheel_file("MR_small_RLE.dcm"), tmp_path / "grey").notes == ()
