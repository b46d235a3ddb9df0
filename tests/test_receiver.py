# SPDX-License-Identifier: Apache-2.0
"""The receiver with pynetdicom and DCMTK as peers: what is stored, in what form, and what is answered."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from peers import require_peer
from receiving import (
    BIG_ENDIAN,
    CT,
    DEFLATED,
    DEFLATED_DATA_SET,
    EXPLICIT,
    IMPLICIT,
    SEG,
    SR,
    ct,
    deflated,
    encoded,
    files_of,
    masks,
    receiving,
    report,
    segmentation,
    stored_pixels,
)


def dcmtk(name: str) -> str:
    """Path of DCMTK's command: pynetdicom's scripts of the same names come first in a virtual environment."""
    path = Path("/usr/bin") / name
    return str(path) if path.exists() else require_peer(name)


def save(dataset: Dataset, path: Path) -> Path:
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("name", ["storescu", "dcmsend"])
def test_dcmtk_sends_native_and_deflated_is_stored(tmp_path: Path, name: str) -> None:
    tool = dcmtk(name)
    mask, slice_ = segmentation(), ct()
    paths = [save(mask, tmp_path / "seg.dcm"), save(slice_, tmp_path / "ct.dcm")]
    contexts = ["--required"] if name == "storescu" else []
    with receiving(tmp_path / "store") as running:
        command = [tool, *contexts, "127.0.0.1", str(running.port), *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        seg_path, ct_path = (running.store.path_of(str(d.SOPInstanceUID)) for d in (mask, slice_))
        assert [of.status.code for of in running.received] == [0, 0]
    assert files_of(tmp_path / "store") == sorted([seg_path, ct_path])
    stored = pydicom.dcmread(seg_path)
    assert stored.file_meta.TransferSyntaxUID == DEFLATED
    assert np.array_equal(stored_pixels(seg_path), masks())
    del stored.PixelData, mask.PixelData
    assert stored == mask
    kept = pydicom.dcmread(ct_path)
    assert kept.file_meta.TransferSyntaxUID == EXPLICIT
    assert kept == slice_


def test_pynetdicom_sends_deflated_and_its_bytes_are_kept(tmp_path: Path) -> None:
    mask = deflated()
    path = save(mask, tmp_path / "deflated.dcm")
    with receiving(tmp_path / "store") as running, running.association((SEG, [DEFLATED])) as association:
        # What dcmsend of DCMTK's master does too: deflated alone is offered, against PS3.5 10.20.
        assert association.is_established
        assert association.send_c_store(path).Status == 0
        stored = pydicom.dcmread(running.store.path_of("2.25.4"))
    assert stored.file_meta.TransferSyntaxUID == DEFLATED
    assert stored.file_meta.MediaStorageSOPInstanceUID == "2.25.4"
    assert stored.PixelData == mask.PixelData
    assert stored == mask


@pytest.mark.parametrize(
    ("policy", "syntax"),
    [
        ("bilevel", EXPLICIT),
        ("bilevel", IMPLICIT),
        ("bilevel", BIG_ENDIAN),
        ("bilevel", DEFLATED_DATA_SET),
        ("keep", IMPLICIT),
        ("keep", DEFLATED_DATA_SET),
        ("all", BIG_ENDIAN),
    ],
)
def test_every_way_to_send_native_pixels(tmp_path: Path, syntax: str, policy: Any) -> None:
    values = _with_meta(ct()).pixel_array
    with receiving(tmp_path / "store", policy=policy) as running:
        assert running.send(segmentation(), syntax) == 0
        assert running.send(ct(), syntax) == 0
        assert running.send(report(), syntax) == 0
        mask, slice_, text = (running.store.path_of(uid) for uid in ("2.25.1", "2.25.2", "2.25.3"))
    assert np.array_equal(stored_pixels(mask), masks())
    assert (pydicom.dcmread(mask).file_meta.TransferSyntaxUID == DEFLATED) == (policy != "keep")
    stored = pydicom.dcmread(slice_)
    if stored.file_meta.TransferSyntaxUID != DEFLATED:
        assert np.array_equal(stored.pixel_array, values)
    assert pydicom.dcmread(text).ContentLabel == "LABEL"
    assert pydicom.dcmread(text).file_meta.TransferSyntaxUID == syntax


def _with_meta(dataset: Dataset) -> Dataset:
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    return dataset


CONTEXTS: list[tuple[str, list[str], str | None]] = [
    (SEG, [IMPLICIT, DEFLATED, EXPLICIT], DEFLATED),
    (SEG, [IMPLICIT, EXPLICIT], EXPLICIT),
    (SEG, ["1.2.840.10008.1.2.4.50", IMPLICIT], IMPLICIT),
    (SEG, ["1.2.840.10008.1.2.4.50"], "1.2.840.10008.1.2.4.50"),
    (SEG, [BIG_ENDIAN, DEFLATED_DATA_SET], BIG_ENDIAN),
    # Without Pixel Data nothing can be sent deflated by frame.
    (SR, [DEFLATED, IMPLICIT], IMPLICIT),
    (SR, [DEFLATED], DEFLATED),
    ("1.2.840.10008.5.1.4.1.1.999.9", [EXPLICIT], EXPLICIT),
    ("2.25.999", [EXPLICIT], EXPLICIT),
    ("2.25.1000", [EXPLICIT], None),
    (SEG, ["1.2.840.10008.1.2.4.95"], None),
    ("1.2.840.10008.5.1.4.1.2.2.1", [EXPLICIT], None),
]
"""SOP Class, Transfer Syntaxes offered for it in one presentation context, and the one that is taken."""


def test_which_contexts_are_accepted(tmp_path: Path) -> None:
    with receiving(tmp_path / "store", sop_classes=["2.25.999"]) as running:
        for number, (sop_class, offered, chosen) in enumerate(CONTEXTS):
            with running.association(("1.2.840.10008.1.1", [IMPLICIT]), (sop_class, offered)) as association:
                accepted = {
                    str(cx.abstract_syntax): str(cx.transfer_syntax[0])
                    for cx in association.accepted_contexts
                }
                assert accepted.get(sop_class) == chosen, (sop_class, offered)
                assert association.send_c_echo().Status == 0
                if chosen == EXPLICIT:
                    dataset = segmentation(f"2.25.{number + 1}", sop_class=sop_class)
                    assert association.send_c_store(dataset).Status == 0


def test_three_contexts_are_all_accepted(tmp_path: Path) -> None:
    with (
        receiving(tmp_path / "store") as running,
        running.association((SEG, [DEFLATED]), (SEG, [EXPLICIT]), (SEG, [IMPLICIT])) as association,
    ):
        syntaxes = [str(cx.transfer_syntax[0]) for cx in association.accepted_contexts]
        assert syntaxes == [DEFLATED, EXPLICIT, IMPLICIT]


def test_an_instance_is_taken_once_however_it_comes(tmp_path: Path) -> None:
    with receiving(tmp_path / "store") as running:
        assert running.send(segmentation()) == 0
        path = running.store.path_of("2.25.1")
        before = path.read_bytes(), path.stat().st_mtime_ns
        for syntax in (EXPLICIT, IMPLICIT, DEFLATED_DATA_SET):
            assert running.send(segmentation(), syntax) == 0
        again = deflated("2.25.1", masks(), level=9)
        assert running.send(again, DEFLATED) == 0
        assert [of.stored.is_new for of in running.received if of.stored] == [
            True,
            False,
            False,
            False,
            False,
        ]
        other = segmentation()
        other.PatientName = "Somebody^Else"
        assert running.send(other) == 0x0111
        assert running.send(segmentation(pixels=masks(9))) == 0x0111
        assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert files_of(tmp_path / "store") == [path]


def test_a_compressed_image_is_kept_as_it_is(tmp_path: Path) -> None:
    source = pydicom.dcmread(pydicom.data.get_testdata_file("JPEG2000.dcm"))  # type: ignore[arg-type]
    syntax = str(source.file_meta.TransferSyntaxUID)
    data = encoded(source, syntax)
    with receiving(tmp_path / "store", policy="all") as running:
        assert running.send_bytes(data, syntax, str(source.SOPClassUID), str(source.SOPInstanceUID)) == 0
        stored = running.store.path_of(str(source.SOPInstanceUID))
        assert stored.read_bytes().endswith(data)
        cut = data[: len(data) - 30]
        assert running.send_bytes(cut, syntax, str(source.SOPClassUID), str(source.SOPInstanceUID)) == 0xC001


@pytest.mark.parametrize("elsewhere", [CT, SEG])
def test_the_command_must_tell_the_truth(tmp_path: Path, elsewhere: str) -> None:
    data = encoded(segmentation())
    with receiving(tmp_path / "store") as running:
        assert running.send_bytes(data, EXPLICIT, CT, "2.25.1") == 0xA900
        assert running.send_bytes(data, EXPLICIT, SEG, "2.25.99") == 0xA901
        status = running.send_bytes(data, EXPLICIT, SEG, "2.25.1", context=elsewhere)
        assert status == (0 if elsewhere == SEG else 0x0122)
    assert len(files_of(tmp_path / "store")) == (elsewhere == SEG)
