# SPDX-License-Identifier: Apache-2.0
"""Files of every kind that a sender meets, and what they hold, by other makers than ours."""

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom

from corpus import wheel_file
from dicom_writer import data_set, image, part10, pixel_data, text
from framedeflate import compress_file
from segmentation_samples import built, organs, series

BIG = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"
JPEG2000 = "1.2.840.10008.1.2.4.91"
FRAMES = "1.2.840.10008.1.2.8.1"
DEFLATED_DATA_SET = "1.2.840.10008.1.2.1.99"


@dataclass(frozen=True)
class Sources:
    """Paths; `native` and `deflated`, and so on, are the same instance."""

    native: Path
    deflated: Path
    rgb: Path
    rgb_deflated: Path
    big: Path
    rle: Path
    jpeg: Path
    report: Path
    deflated_report: Path
    huge: Path


def made_sources(folder: Path) -> Sources:
    """Make them: highdicom's Segmentation, pydicom's pictures and report."""
    native, deflated = folder / "native.dcm", folder / "deflated.dcm"
    built(series(8), organs(8)).save_as(native)
    compress_file(native, deflated)
    rgb, rgb_deflated = folder / "rgb.dcm", folder / "rgb_deflated.dcm"
    colours = pydicom.dcmread(wheel_file("SC_rgb_small_odd.dcm"))
    colours.save_as(rgb)
    compress_file(rgb, rgb_deflated)
    report, deflated_report = folder / "report.dcm", folder / "deflated_report.dcm"
    told = pydicom.dcmread(wheel_file("test-SR.dcm"))
    told.save_as(report)
    _write_deflated(report, deflated_report)
    return Sources(
        native=native,
        deflated=deflated,
        rgb=rgb,
        rgb_deflated=rgb_deflated,
        big=wheel_file("MR_small_bigendian.dcm"),
        rle=wheel_file("SC_rgb_rle.dcm"),
        jpeg=wheel_file("JPEG2000.dcm"),
        report=report,
        deflated_report=deflated_report,
        huge=_write_huge(folder / "huge.dcm"),
    )


def _write_deflated(source: Path, destination: Path) -> None:
    """The same object in Deflated Explicit VR Little Endian, by zlib."""
    data = source.read_bytes()
    meta = pydicom.filereader.read_file_meta_info(source)
    assert meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
    position = 144 + meta.FileMetaInformationGroupLength
    stream = deflater.compress(data[position:]) + deflater.flush()
    meta.TransferSyntaxUID = pydicom.uid.UID(DEFLATED_DATA_SET)
    group: Any = BytesIO()
    pydicom.filewriter.write_file_meta_info(group, meta)
    destination.write_bytes(bytes(128) + b"DICM" + group.getvalue() + stream + b"\0" * (len(stream) % 2))


def _write_huge(path: Path) -> Path:
    """Sixteen Frames of 32 768 x 32 768 bytes, 16 GiB in all, that say they are deflated; nobody inflates them."""
    fields = image(frames="16", rows=32768, columns=32768, allocated=8)
    fields[0x00080018] = text("UI", "2.25.4444")
    fragments = [struct.pack("<I", number) * 50 for number in range(16)]
    path.write_bytes(part10(data_set(fields) + pixel_data(fragments), uid=FRAMES))
    return path


def copies(source: Path, folder: Path, count: int) -> list[Path]:
    """The file under so many SOP Instance UIDs."""
    dataset: Any = pydicom.dcmread(source)
    folder.mkdir(exist_ok=True)
    paths = []
    for number in range(count):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"2.25.{77_000 + number}"
        paths.append(folder / f"{number}.dcm")
        dataset.save_as(paths[-1])
    return paths
