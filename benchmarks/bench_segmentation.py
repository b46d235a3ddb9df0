# SPDX-License-Identifier: Apache-2.0
"""A Segmentation of 1000 Frames (100 planes of 512x512, ten segments): plane by plane, and whole by highdicom.

All take turns, each in a process of its own; figures are medians of processor time, peak memory beyond what the process
had before, and the file's size. In the first round, pydicom compares the Frames of each with the labels.

    python benchmarks/bench_segmentation.py
    python benchmarks/bench_segmentation.py --quick    two planes, one round
"""

import importlib.util
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pydicom

import framedeflate.pydicom_plugin as plugin
from command import Options, run
from interleave import WrongResultError
from segmentation_tables import segmentation
from segmentation_tasks import SEGMENTS, TASKS, label_planes

__all__ = ["main", "measure"]

_PLANES: Final = 100
_LARGE_PLANES: Final = 1000
_QUICK_PLANES: Final = 2


def measure(options: Options) -> dict[str, Any]:
    """Return seconds, peak and size of each; of 10 000 Frames ours alone. Nothing where highdicom is missing."""
    if importlib.util.find_spec("highdicom") is None or not Path("/proc/self/clear_refs").exists():
        return {"small": {}, "large": {}}
    small, large = (_QUICK_PLANES, _QUICK_PLANES) if options.quick else (_PLANES, _LARGE_PLANES)
    ours = next(iter(TASKS))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "seg.dcm"
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in TASKS}
        larger = []
        for number in range(options.rounds):
            for name, done in runs.items():
                done.append(_run(name, small, file))
                if not number:
                    _check(name, small, file)
            larger.append(runs[ours][-1] if options.quick else _run(ours, large, file))
    return {
        "frames": [small * SEGMENTS, large * SEGMENTS],
        "small": {name: _medians(done) for name, done in runs.items()},
        "large": {ours: _medians(larger)},
    }


def _run(name: str, planes: int, file: Path) -> dict[str, float]:
    script = Path(__file__).with_name("segmentation_tasks.py")
    command = [sys.executable, str(script), name, str(planes), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _check(name: str, planes: int, file: Path) -> None:
    plugin.register()
    dataset = pydicom.dcmread(file)
    labels = {1.25 * index: plane for index, plane in enumerate(label_planes(planes))}
    frames = zip(dataset.PerFrameFunctionalGroupsSequence, dataset.pixel_array, strict=True)
    for item, frame in frames:
        plane = labels[float(item.PlanePositionSequence[0].ImagePositionPatient[2])]
        number = item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        if not np.array_equal(frame, plane == number):
            raise WrongResultError(f"{name}: a Frame is not what the labels say")


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def main(arguments: Sequence[str] | None = None) -> int:
    return run("segmentation", __doc__ or "", measure, segmentation, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
