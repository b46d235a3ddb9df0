# SPDX-License-Identifier: Apache-2.0
"""The store by itself: whole or not at all, once, whoever else is at it."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pydicom
import pytest

from framedeflate.errors import InstanceError
from framedeflate.instance_store import InstanceStore, StoredInstance
from receiving import DEFLATED, ct, deflated, files_of, masks, segmentation, stored_pixels

MIB = 1 << 20


def opened(folder: Path, **options: object) -> InstanceStore:
    return InstanceStore(folder, **{"min_free_nbytes": MIB, **options})  # type: ignore[arg-type]


def file_of(dataset: pydicom.Dataset, path: Path) -> bytes:
    dataset.save_as(path, enforce_file_format=True)
    return path.read_bytes()


def put(store: InstanceStore, data: bytes) -> StoredInstance:
    with store.arrival() as arrival:
        for start in range(0, len(data), 1000):
            arrival.write(data[start : start + 1000])
        return store.put(arrival)


def test_two_arrivals_of_one_instance_at_once(tmp_path: Path) -> None:
    data = file_of(segmentation(), tmp_path / "one.dcm")
    other = file_of(segmentation(pixels=masks(8)), tmp_path / "other.dcm")
    outcomes: list[bool | str] = []

    def run(store: InstanceStore, of: bytes) -> None:
        start.wait()
        try:
            outcomes.append(put(store, of).is_new)
        except InstanceError as error:
            outcomes.append(error.kind)

    for _ in range(4):
        outcomes.clear()
        start = threading.Barrier(6)
        with opened(tmp_path / "store") as one, opened(tmp_path / "store") as two:
            threads = [
                threading.Thread(target=run, args=(store, of))
                for store, of in (
                    (one, data),
                    (two, data),
                    (one, data),
                    (two, other),
                    (one, other),
                    (two, other),
                )
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert outcomes.count(True) == 1
            assert sorted(map(str, outcomes)) == sorted(["True", *["False"] * 2, *["duplicate"] * 3])
            (path,) = files_of(tmp_path / "store")
            assert any(np.array_equal(stored_pixels(path), masks(seed)) for seed in (1, 8))
            path.unlink()


def test_what_a_killed_process_left_is_cleared_away_and_what_lives_is_not(tmp_path: Path) -> None:
    body = (
        "import os, sys; from framedeflate.instance_store import InstanceStore\n"
        "arrival = InstanceStore(sys.argv[1], min_free_nbytes=1).arrival()\n"
        "arrival.write(b'half'); arrival._file.flush(); os.kill(os.getpid(), 9)\n"
    )
    folder = tmp_path / "store"
    if os.name == "posix":
        done = subprocess.run([sys.executable, "-c", body, str(folder)], check=False, timeout=60)
        assert done.returncode == -9
        assert len(files_of(folder)) == 1
    with opened(folder) as first, first.arrival() as arrival:
        arrival.write(b"half")
        assert files_of(folder) == [arrival.path]
        with opened(folder):
            assert files_of(folder) == [arrival.path]
        (folder / ".arriving" / "empty").mkdir()
        with opened(folder):
            assert not (folder / ".arriving" / "empty").exists()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.__setattr__("PatientName", "Other^Name"),
        lambda d: d.ProcedureCodeSequence[0].__setattr__("CodeValue", "2"),
        lambda d: d.ProcedureCodeSequence.append(d.ProcedureCodeSequence[0]),
        lambda d: d.__setattr__("StudyInstanceUID", "2.25.12"),
    ],
)
def test_other_attributes_are_another_instance(tmp_path: Path, change: object) -> None:
    changed = segmentation()
    change(changed)  # type: ignore[operator]
    with opened(tmp_path / "store") as store:
        put(store, file_of(segmentation(), tmp_path / "a.dcm"))
        with pytest.raises(InstanceError) as caught:
            put(store, file_of(changed, tmp_path / "b.dcm"))
        assert caught.value.kind == "duplicate"


def test_sequences_may_be_written_with_either_length(tmp_path: Path) -> None:
    again = segmentation()
    again["ProcedureCodeSequence"].is_undefined_length = True
    again.ProcedureCodeSequence[0].is_undefined_length_sequence_item = True
    with opened(tmp_path / "store") as store:
        put(store, file_of(segmentation(), tmp_path / "a.dcm"))
        assert not put(store, file_of(again, tmp_path / "b.dcm")).is_new


def test_what_is_stored_but_damaged_is_neither_replaced_nor_taken_for_the_same(tmp_path: Path) -> None:
    data = file_of(deflated(), tmp_path / "a.dcm")
    with opened(tmp_path / "store") as store:
        path = put(store, data).path
        path.write_bytes(data[:-100])
        with pytest.raises(InstanceError) as caught:
            put(store, data)
        assert caught.value.kind == "damaged"
        assert path.read_bytes() == data[:-100]
        with pytest.raises(InstanceError) as caught:
            store.confirm("2.25.4", str(deflated().SOPClassUID))
        assert caught.value.kind == "damaged"


def test_a_large_frame_is_only_counted_through(tmp_path: Path) -> None:
    rows = columns = 17_000
    pixels = np.zeros((1, rows, columns), bool)
    pixels[0, 5000:6000, 3:9000] = True
    whole = deflated(pixels=pixels, level=1)
    with opened(tmp_path / "store") as store:
        assert put(store, file_of(whole, tmp_path / "a.dcm")).number_of_frames == 1
        short = deflated("2.25.5", pixels=pixels, level=1)
        short.Columns = columns + 8
        with pytest.raises(ValueError, match="frame 1") as caught:
            put(store, file_of(short, tmp_path / "b.dcm"))
        assert getattr(caught.value, "kind", "") == "short-output"


def test_signed_objects_and_policies(tmp_path: Path) -> None:
    signed = segmentation("2.25.20")
    signed.DigitalSignaturesSequence = [pydicom.Dataset()]
    with opened(tmp_path / "store", policy="all") as store:
        assert put(store, file_of(signed, tmp_path / "a.dcm")).transfer_syntax_uid != DEFLATED
        smooth = ct("2.25.21")
        smooth.PixelData = bytes(len(smooth.PixelData))
        assert put(store, file_of(smooth, tmp_path / "b.dcm")).transfer_syntax_uid == DEFLATED
    with pytest.raises(ValueError, match="policy"):
        opened(tmp_path / "store", policy="some")


def test_a_closed_store_takes_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    arrival = store.arrival()
    arrival.write(b"half")
    store.close()
    with pytest.raises(InstanceError) as caught:
        store.arrival()
    assert caught.value.kind == "interrupted"
    arrival.discard()
    assert files_of(tmp_path / "store") == []


def test_the_store_s_own_name_is_flushed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr("framedeflate.instance_store.store.flush_folder", flushed.append)
    for _ in range(2):
        # What was there already is not ours to flush.
        InstanceStore(tmp_path / "archive" / "store").close()
    assert flushed == [tmp_path, tmp_path / "archive"]
