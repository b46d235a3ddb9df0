# SPDX-License-Identifier: Apache-2.0
"""Requests of every form, by the thousand, and the memory of the server that answers them."""

import shutil
from pathlib import Path
from typing import Final

from bench_serve import build, used
from frame_sets import FrameSet
from indexed_files import made_frames
from serve_load import load_by_threads, load_by_wrk

__all__ = ["FORMS", "flat_memory", "made_store"]

_INSTANCE: Final = "/dicomweb/studies/1.2/series/1.3/instances/1.4"
_FRAMES: Final = f"{_INSTANCE}/frames/"
_COUNT: Final = 40
_FRAMES_STORED: Final = 140
FORMS: Final = (
    # Each with a number from 1 to 40 behind it; the list is of frame 1 and one of 11 to 140.
    (_FRAMES, {"Accept": "application/x-deflate"}),
    (_FRAMES, {"Accept": "application/octet-stream", "Accept-Encoding": "deflate"}),
    (_FRAMES, {"Accept": "*/*"}),
    (f"{_FRAMES}1,1", {"Accept": 'multipart/related; type="application/x-deflate"'}),
    (f"{_INSTANCE}?n=", {"Accept": "application/dicom"}),
)


def made_store(folder: Path) -> None:
    """A store with one instance of 140 Frames."""
    frames = made_frames(_FRAMES_STORED, 64, 64)
    build(folder, FrameSet("made", "1-bit", 64, 64, 1, frames))


def flat_memory(base: str, requests_a_form: int, folder: Path) -> tuple[int, int, int]:
    """Ask, and return how often, and the peak of the server's memory after a tenth and at the end."""
    _ask(base, requests_a_form // 10, folder)
    before = used(base)[1]
    count = _ask(base, requests_a_form, folder)
    return count, before, used(base)[1]


def _ask(base: str, requests: int, folder: Path) -> int:
    count = 0
    for path, fields in FORMS:
        url = f"{base}{path}"
        done = 0
        while done < requests:
            if shutil.which("wrk") is None or requests < 1000:
                done += load_by_threads(url, _COUNT, fields, max(1, requests // 2)).count
            else:
                done += load_by_wrk(url, _COUNT, fields, folder, 5).count
        count += done
    return count
