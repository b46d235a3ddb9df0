# SPDX-License-Identifier: Apache-2.0
"""A second judge: pydicom from 3.1 on, which reads and writes this Transfer Syntax by itself."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

import judge
from corpus import SourceFile
from dicom_writer import EXPLICIT_LITTLE, data_set, frames_of, image, part10
from exceptions_table import plain_name
from framedeflate import FrameReader, compress_file, verify_file
from transcoded import IMAGES, named, transcode

pytestmark = [
    pytest.mark.skipif(pydicom.__version_info__[:2] < ("3", "1"), reason="needs pydicom 3.1 or later"),
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
]

# What pydicom's development version cannot do, and why.
BEYOND_PYDICOM = {
    "SC_ybr_full_422_uncompressed.dcm": "it counts three samples a pixel for YBR_FULL_422, which has two (C.7.6.3.1.2)",
    "SC_rgb_jpeg.dcm": "it does not decode the source",
}
READABLE = [file for file in IMAGES if plain_name(file.name) not in BEYOND_PYDICOM]


@pytest.mark.parametrize("source", READABLE, ids=named)
def test_pydicom_reads_what_we_write(folder: Path, source: SourceFile) -> None:
    result = transcode(folder, source)
    decoder = get_decoder(UID(judge.DEFLATED_FRAMES))
    # By name: other tests may have registered ours, which would judge itself.
    pixels, _ = decoder.as_array(pydicom.dcmread(result.compressed), decoding_plugin="pydicom")
    assert np.array_equal(pixels, pydicom.dcmread(result.decompressed).pixel_array)


@pytest.mark.parametrize("source", READABLE, ids=named)
def test_we_read_what_pydicom_writes(folder: Path, tmp_path: Path, source: SourceFile) -> None:
    native = transcode(folder, source).decompressed
    dataset = pydicom.dcmread(native)
    dataset.compress(judge.DEFLATED_FRAMES, encoding_plugin="pydicom", generate_instance_uid=False)
    dataset.save_as(tmp_path / "theirs.dcm")
    expected = judge.read(native)
    with FrameReader.open(tmp_path / "theirs.dcm") as reader:
        fragments = [reader.fragment(frame_number=number) for number in range(1, len(reader) + 1)]
        assert [judge.inflate(fragment) for fragment in fragments] == expected.frames()
        assert len(list(reader)) == expected.frame_count
    assert [problem for problem in verify_file(tmp_path / "theirs.dcm") if problem.frame_number] == []


@pytest.mark.parametrize(("allocated", "stored"), [(16, 1), (16, 8), (32, 8), (32, 16), (64, 8)])
def test_small_bits_stored(tmp_path: Path, allocated: int, stored: int) -> None:
    native = frames_of(150 * allocated // 8)
    fields = image(allocated=allocated, stored=stored) | {0x7FE00010: ("OW", b"".join(native))}
    source, ours, theirs = tmp_path / "source", tmp_path / "ours", tmp_path / "theirs"
    source.write_bytes(part10(data_set(fields), uid=EXPLICIT_LITTLE))
    compress_file(source, ours)
    assert np.array_equal(pydicom.dcmread(ours).pixel_array, pydicom.dcmread(source).pixel_array)
    # It leaves the unused bytes of each sample out, so its Frames are too short: that must not pass for pixels.
    dataset = pydicom.dcmread(source)
    dataset.compress(judge.DEFLATED_FRAMES, encoding_plugin="pydicom", generate_instance_uid=False)
    dataset.save_as(theirs)
    inflated = [judge.inflate(fragment) for fragment in judge.read(theirs).fragments()]
    expected = [] if inflated == native else ["short-output"] * 3
    assert [problem.kind for problem in verify_file(theirs)] == expected
