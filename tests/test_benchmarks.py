# SPDX-License-Identifier: Apache-2.0
"""Every benchmark still runs, checks what it times, and stands in the documents as it was stored. Never a time."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree

import numpy as np
import pytest

import bench_archive
import bench_encode
import bench_files
import bench_inflate
import bench_open
import bench_pydicom
import bench_segmentation
import bench_send
import bench_serve
import bench_threads
import curve
import render
import results
import rivals
import segmentation_tasks
import tables
from aims import aims
from bench_encode import contest
from bench_files import FilesMaker
from command import Options
from frame_sets import SHARED, FrameSet, all_sets, evenly
from framedeflate import DEFAULT_LEVEL, array, engine
from framedeflate.pydicom_plugin import whole_arrays
from interleave import WrongResultError, take_turns

NOWHERE = Path(__file__).parent / "no such folder"


def quick(main: Any, name: str, folder: Path, frames: Path) -> dict[str, Any]:
    """The figures that a benchmark's quick form stores."""
    assert main(["--quick", "--frames", str(frames), "--store", str(folder)]) == 0
    stored: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return stored


@pytest.fixture
def small() -> FrameSet:
    return next(one for one in all_sets(NOWHERE) if one.name == "made_nuclei 64x64").few(2)


@pytest.mark.parametrize("frames", [NOWHERE, SHARED], ids=["made", "shared"])
def test_encode(tmp_path: Path, frames: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if frames is SHARED and not SHARED.is_dir():
        pytest.skip("no shared frames beside the repository")
    figures = quick(bench_encode.main, "encode", tmp_path, frames)
    printed = capsys.readouterr().out
    for one in figures["sets"]:
        cells = figures["all"][one["name"]]
        assert {"zlib 6", "zlib 9", "pydicom", "level 1", "level 1, a Frame a call", "level 6"} <= set(cells)
        assert all(nbytes > 0 and time > 0 for nbytes, time in cells.values())
        assert cells["zlib 6"][1] == 1
        assert tables.plain(one["name"]) in printed
    for rival in rivals.missing():
        assert f"{rival} is not installed" in printed
    assert {one["kind"] for one in figures["sets"]} == {"1-bit", "label map", "photographic"}
    assert len(figures["few"]) == ("zopfli" not in rivals.missing())
    assert "| level 1 |" in printed


def test_inflate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = quick(bench_inflate.main, "inflate", tmp_path, NOWHERE)
    printed = capsys.readouterr().out
    for one in figures["sets"]:
        assert {"zlib 6", "level 1", "level 6"} <= set(figures["python"][one["name"]])
        for times in figures["python"][one["name"]].values():
            assert {"zlib", "ours, in batches", "ours, a Frame a call"} <= set(times)
            assert all(time > 0 for time in times.values())
        assert tables.plain(one["name"]) in printed
    assert "| zlib 6 | ours, in batches |" in printed


def test_files(tmp_path: Path) -> None:
    works = quick(bench_files.main, "files", tmp_path, NOWHERE)["works"]
    assert set(works) == {"compress", "decompress", "iterate", "one array"}
    for contestants in works.values():
        assert {"ours", "loop"} <= set(contestants)
        assert contestants["loop"]["time"] == 1
        assert all(one["time"] > 0 and one["peak_mib"] >= 0 for one in contestants.values())


def test_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = quick(bench_open.main, "open", tmp_path, NOWHERE)["tasks"]
    assert [len(times) for times in tasks.values()] == [2, 2, 1]
    assert all(time > 0 for times in tasks.values() for time in times.values())
    right = bench_open._item
    monkeypatch.setattr(bench_open, "_item", lambda index: right(index + 1))
    with pytest.raises(WrongResultError, match="this is not what the file says"):
        quick(bench_open.main, "open", tmp_path, NOWHERE)


def test_threads(tmp_path: Path) -> None:
    works = quick(bench_threads.main, "threads", tmp_path, NOWHERE)["works"]
    assert set(works) == {"made_organs", "made_nuclei", "made_noise"}
    for gains in works.values():
        assert set(gains) == {"encode, level 1", "encode, level 6", "inflate", "decode to pixels"}
        assert all(gain > 0 for gain in gains.values())


@pytest.mark.parametrize("frames", [NOWHERE, SHARED], ids=["made", "shared"])
def test_pydicom(tmp_path: Path, frames: Path) -> None:
    if frames is SHARED and not SHARED.is_dir():
        pytest.skip("no shared frames beside the repository")
    figures = quick(bench_pydicom.main, bench_pydicom.NAME, tmp_path, frames)
    assert {"1 bit", "8 bits", "16 bits"} <= set(figures["kinds"].values())
    for counts in figures["times"].values():
        assert set(counts) == {"1", "3"}
        for times in counts.values():
            assert {"Dataset.pixel_array", "iter_pixels", "pixel_array(path, index=i)"} < set(times)
            assert all(ratio > 0 for ratio in times.values())


@pytest.mark.skipif(
    engine.name != "native", reason="each contestant imports highdicom in a process of its own"
)
def test_segmentation(tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    figures = quick(bench_segmentation.main, "segmentation", tmp_path, NOWHERE)
    assert set(figures["small"]) == set(segmentation_tasks.TASKS)
    for one in figures["small"].values():
        assert one["seconds"] > 0
        assert one["nbytes"] > 0


@pytest.mark.skipif(engine.name != "native", reason="what is timed is the network, whichever engine there is")
def test_send(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = quick(bench_send.main, "send", tmp_path, NOWHERE)
    sent = figures["sent"]
    assert all(one["instances_a_second"] > 0 for one in sent.values())
    assert 0 < sent["deflated, as stored"]["wire_nbytes"] < sent["native"]["wire_nbytes"]
    assert "| native, 4 associations |" in capsys.readouterr().out


@pytest.mark.skipif(engine.name != "native", reason="what is timed is processes, whichever engine there is")
def test_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = quick(bench_archive.main, "archive", tmp_path, NOWHERE)
    assert all(seconds > 0 for seconds in figures["seconds"].values())
    assert figures["kinds"]["seg"]["result_nbytes"] < figures["kinds"]["seg"]["source_nbytes"]
    assert "| 2 processes |" in capsys.readouterr().out


@pytest.mark.skipif(engine.name != "native", reason="what is timed is the server, whichever engine there is")
def test_serve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (one,) = quick(bench_serve.main, "serve", tmp_path, NOWHERE)["sets"].values()
    forms = one["forms"]
    assert all(form["requests_a_second"] > 0 for form in forms.values())
    # The same stream each time, within the bytes of its container.
    stream = forms["x-deflate"]["nbytes"]
    assert forms["Content-Encoding deflate"]["nbytes"] == pytest.approx(stream + 6, abs=0.5)
    assert forms["Content-Encoding gzip"]["nbytes"] == pytest.approx(stream + 18, abs=0.5)
    assert forms["inflated"]["nbytes"] == pytest.approx(one["native_nbytes"], rel=1e-3)
    assert "| x-deflate, in a part |" in capsys.readouterr().out


class TestFrameSets:
    def test_frames_have_the_size_of_their_description(self) -> None:
        sets = all_sets(NOWHERE)
        for one in sets:
            nbits = one.rows * one.row_nbits
            assert {len(frame) for frame in one.frames} == {(nbits + 7) // 8}, one.name
        assert len({one.name for one in sets}) == len(sets)
        assert any(one.columns % 8 for one in sets)

    def test_a_cut_holds_the_columns_of_its_set(self) -> None:
        sets = {one.name: one for one in all_sets(NOWHERE)}
        whole, cut = sets["made_organs"], sets["made_organs 509"]
        pixels = [
            np.unpackbits(np.frombuffer(one.frames[0], np.uint8), bitorder="little")[: 512 * one.columns]
            for one in (whole, cut)
        ]
        assert np.array_equal(pixels[0].reshape(512, 512)[:, :509], pixels[1].reshape(512, 509))

    @pytest.mark.parametrize("count", [1, 2, 3, 7])
    def test_a_few_are_spread_and_none_is_taken_twice(self, count: int) -> None:
        frames = [bytes([number]) for number in range(5)]
        taken = evenly(frames, count)
        assert len(taken) == len(set(taken)) == min(count, 5)


class TestChecks:
    @pytest.mark.parametrize(
        "broken",
        [
            lambda streams: [streams[0], streams[1][:-1]],
            lambda streams: [streams[0], streams[0]],
            lambda streams: [streams[0], streams[1] + b"\0"],
            lambda streams: [streams[0], b"\xff" + streams[1][1:]],
            lambda streams: streams[:1],
        ],
        ids=["cut short", "another Frame's", "with a byte behind it", "bad", "one too few"],
    )
    def test_a_wrong_stream_ends_the_run(self, small: FrameSet, broken: Any) -> None:
        right = rivals.encoders(slow=False)[rivals.REFERENCE]
        coders = {rivals.REFERENCE: right, "wrong": lambda frames: broken(right(frames))}
        with pytest.raises(WrongResultError):
            contest(small, coders, Options(1, quick=True))

    @pytest.mark.parametrize("broken", [lambda out: out[:1], lambda out: [out[0], bytes(len(out[1]))]])
    def test_a_wrong_frame_ends_the_run(self, small: FrameSet, broken: Any) -> None:
        streams = rivals.ours(1)(small)
        right = bench_inflate.inflaters()[bench_inflate.ZLIB]
        readers = {bench_inflate.ZLIB: right, "wrong": lambda *arguments: broken(right(*arguments))}
        with pytest.raises(WrongResultError):
            bench_inflate.contest(small, streams, readers, Options(1, quick=True))

    def test_a_wrong_file_ends_the_run(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(FilesMaker, "native_checksum", lambda self: 0)
        with pytest.raises(WrongResultError, match="compress, ours"):
            quick(bench_files.main, "files", tmp_path, NOWHERE)

    def test_wrong_pixels_from_pydicom_end_the_run(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        right = array.decode_pixels
        monkeypatch.setattr(whole_arrays, "decode_pixels", lambda *arguments: right(*arguments)[::-1].copy())
        with pytest.raises(WrongResultError, match="these are not the pixels"):
            quick(bench_pydicom.main, bench_pydicom.NAME, tmp_path, NOWHERE)

    def test_streams_that_depend_on_threads_end_the_run(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        right = engine.deflate_frames
        monkeypatch.setattr(
            engine,
            "deflate_frames",
            lambda frames, nbytes, row, level, threads: right(frames, nbytes, row, threads or 1, 1),
        )
        with pytest.raises(WrongResultError, match="number of threads"):
            quick(bench_threads.main, "threads", tmp_path, NOWHERE)

    def test_a_wrong_core_ends_the_run(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(engine, "deflate_frames", lambda *arguments: [b"\3\0"] * 2)
        with pytest.raises(WrongResultError):
            quick(bench_encode.main, "encode", tmp_path, NOWHERE)
        assert list(tmp_path.iterdir()) == []


class TestTurns:
    def test_each_is_checked_and_has_its_turn_in_every_round(self) -> None:
        calls: list[str] = []
        checked: list[tuple[str, str]] = []

        def named(name: str) -> str:
            calls.append(name)
            return name.upper()

        runs = {name: lambda name=name: named(name) for name in "abc"}
        seconds = take_turns(
            runs, lambda name, output: checked.append((name, output)), 3, clock=_Ticks([1.0]), least_seconds=0
        )
        assert checked == [("a", "A"), ("b", "B"), ("c", "C")]
        assert "".join(calls) == "abc" + "abc" + "bca" + "cab"
        assert seconds == {"a": 1, "b": 1, "c": 1}

    def test_the_median_is_taken(self) -> None:
        ticks = _Ticks([1, 5, 1, 2, 1, 9, 1, 4])
        assert take_turns({"a": lambda: None}, lambda *_: None, 3, clock=ticks, least_seconds=0) == {"a": 4}

    def test_short_work_is_repeated(self) -> None:
        calls: list[int] = []
        seconds = take_turns(
            {"a": lambda: calls.append(1)}, lambda *_: None, 1, clock=_Ticks([2.0]), least_seconds=8
        )
        assert (len(calls), seconds["a"]) == (1 + 4, 0.5)


class _Ticks:
    """A clock that moves by each of `steps` in turn, and by the last ever after."""

    def __init__(self, steps: Sequence[float]) -> None:
        self._steps = list(steps)
        self._now = 0.0

    def __call__(self) -> float:
        self._now += self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        return self._now


class TestCommandLine:
    def test_what_the_documents_show_is_not_overwritten_by_less(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(results, "FOLDER", tmp_path)
        assert bench_threads.main(["--quick", "--frames", str(NOWHERE), "--store"]) == 0
        assert "not stored" in capsys.readouterr().out
        with pytest.raises(SystemExit):
            bench_threads.main(["--frames", str(NOWHERE), "--only", "made_organs", "--store"])
        assert list(tmp_path.iterdir()) == []

    def test_an_unknown_set_is_named(self) -> None:
        with pytest.raises(SystemExit, match=r"there is no moon; there are .*made_organs"):
            bench_encode.main(["--quick", "--frames", str(NOWHERE), "--only", "moon"])


class TestAims:
    FACTS: ClassVar = [{"name": name, "kind": "1-bit", "is_cut": False} for name in "ab"]

    def test_a_mean_and_the_worst_set(self) -> None:
        cells = {"zlib 6": (100, 1.0), f"level {DEFAULT_LEVEL}": (80, 1 / 25)}
        slower = {"zlib 6": (100, 1.0), f"level {DEFAULT_LEVEL}": (90, 1 / 100)}
        table = aims({"encode": {"sets": self.FACTS, "all": {"a": cells, "b": slower}, "few": {}}})
        assert "size to zlib 6 | 0.900 | 0.880 | 0.849 | dream |" in table
        assert "speed to zlib 6, mean (least) | x30 (x15) | x50 (x30) | x50 (x25) | reach |" in table
        assert "zopfli" not in table

    def test_nothing_stored_is_no_row(self) -> None:
        assert aims({}).count("\n") == 1


class TestDocuments:
    def test_the_page_has_the_stored_tables(self) -> None:
        for path in (render.PAGE, render.ARCHIVES):
            page = path.read_text(encoding="utf-8")
            assert render.filled(page) == page, "run python benchmarks/render.py"

    def test_the_picture_is_that_of_the_stored_figures(self) -> None:
        assert render.CURVE.read_text(encoding="utf-8") == render.picture(), "run python benchmarks/render.py"

    def test_the_picture_shows_every_coder(self) -> None:
        points = curve.points(render.stored()["encode"])
        drawn = ElementTree.fromstring(curve.svg(points))  # noqa: S314  (our own text)
        named = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
        assert {point.name for point in points} <= set(named)
        width, height = (float(size) for size in drawn.attrib["viewBox"].split()[2:])
        for circle in drawn.iter("{http://www.w3.org/2000/svg}circle"):
            assert 0 < float(circle.attrib["cx"]) < width
            assert 0 < float(circle.attrib["cy"]) < height

    def test_every_stored_result_is_of_the_core_and_a_full_run(self) -> None:
        paths = sorted(results.FOLDER.glob("*.json"))
        assert paths
        for path in paths:
            figures = json.loads(path.read_text(encoding="utf-8"))
            assert figures["machine"]["engine"] == "native", path.name
            assert figures["rounds"] >= 5, path.name
            assert f"<!-- table: {path.stem} -->" in render.PAGE.read_text(encoding="utf-8")
