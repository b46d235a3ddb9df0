# SPDX-License-Identifier: Apache-2.0
"""What bench_segmentation times, each in a process of its own: nothing of one is left in the memory of another.

    python segmentation_tasks.py TASK PLANES FILE

Printed as JSON: processor seconds, the peak of resident memory beyond what there was before, and a checksum of the
pixels in the order of segments and positions. The planes are made as they are asked for; whoever needs all at once
has to keep them.
"""

import copy
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray

import framedeflate.pydicom_plugin as plugin

__all__ = ["SEGMENTS", "TASKS"]

SEGMENTS: Final = 10
_SIDE: Final = 512


def label_planes(count: int) -> Iterator[NDArray[np.uint8]]:
    """Yield planes with ten ellipses each, whose sizes change from one to the next."""
    rows, columns = np.mgrid[:_SIDE, :_SIDE]
    planes = []
    for phase in range(min(count, 30)):
        labels = np.zeros((_SIDE, _SIDE), np.uint8)
        for segment in range(SEGMENTS):
            row, column = 50 + 95 * (segment // 2), 120 + 260 * (segment % 2)
            square = np.s_[row - 40 : row + 40, column - 100 : column + 100]
            distance = 9 * (rows[square] - row) ** 2 + (columns[square] - column) ** 2
            labels[square][distance < (70 + (phase + segment) % 30) ** 2] = segment + 1
        planes.append(labels)
    for index in range(count):
        yield planes[index % len(planes)]


def series(count: int) -> list[pydicom.Dataset]:
    """The heads of a CT series."""
    first = pydicom.dcmread(pydicom.examples.get_path("ct"))
    first.Rows = first.Columns = _SIDE
    del first.PixelData
    slices: list[pydicom.Dataset] = []
    for index in range(count):
        image = copy.deepcopy(first)
        image.SOPInstanceUID = pydicom.uid.UID(f"1.2.3.{index + 1}")
        image.ImagePositionPatient = [0, 0, 1.25 * index]
        slices.append(image)
    return slices


def built(images: list[pydicom.Dataset], pixels: NDArray[np.uint8]) -> Any:
    """A Segmentation by highdicom."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    segments = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=f"organ {number}",
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Liver,
            algorithm_type="MANUAL",
        )
        for number in range(1, SEGMENTS + 1)
    ]
    return hd.seg.Segmentation(
        images, pixels, "BINARY", segments, hd.UID(), 1, hd.UID(), 1, "maker", "model", "1", "1"
    )


def _ours(images: list[pydicom.Dataset], template: Any, path: Path) -> None:
    planes = label_planes(len(images))
    plugin.write_segmentation(path, template, planes, source_images=images, overwrite=True)


def _whole(images: list[pydicom.Dataset], _template: Any, path: Path) -> None:
    built(images, np.stack(list(label_planes(len(images))))).save_as(path)


def _whole_deflated(images: list[pydicom.Dataset], _template: Any, path: Path) -> None:
    segmentation = built(images, np.stack(list(label_planes(len(images)))))
    plugin.save_deflated(segmentation, path, overwrite=True)


TASKS: Final[dict[str, Callable[[list[pydicom.Dataset], Any, Path], None]]] = {
    "write_segmentation": _ours,
    "highdicom, native": _whole,
    "highdicom, save_deflated": _whole_deflated,
}


def _peak_nbytes() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def main(task: str, planes: str, file: str) -> None:
    warnings.simplefilter("ignore")
    plugin.register()
    images = series(int(planes))
    template = built(images[:1], next(label_planes(1))[None])
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before, start = _peak_nbytes(), time.process_time()
    TASKS[task](images, template, Path(file))
    seconds, peak = time.process_time() - start, _peak_nbytes() - before
    print(json.dumps({"seconds": seconds, "peak_nbytes": peak, "nbytes": Path(file).stat().st_size}))


if __name__ == "__main__":
    main(*sys.argv[1:])
