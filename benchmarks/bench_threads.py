# SPDX-License-Identifier: Apache-2.0
"""Two threads beside one: batches of sparse and of dense Frames, encoded and decoded.

Both take turns in one process; figures are medians of elapsed time, as ratios. Every output of two threads is
compared with that of one, and that with the Frames.

    python benchmarks/bench_threads.py
    python benchmarks/bench_threads.py --quick    ten Frames of each set, one round
"""

import itertools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np

from command import Options, run
from frame_sets import FrameSet
from framedeflate import ImagePixel, decode_frames, engine
from interleave import WrongResultError, take_turns
from rivals import check_streams
from thread_tables import threads

__all__ = ["main", "measure"]

_COUNTS: Final = {"encode, level 1": 2000, "encode, level 6": 200, "inflate": 2000, "decode to pixels": 400}
_QUICK_COUNT: Final = 10


def measure(options: Options) -> dict[str, Any]:
    """Return what the second thread gains, by set and work."""
    sets = [one for one in options.sets() if one.kind == "1-bit" and not one.is_cut and one.columns == 512]
    table = {}
    for one in sets:
        table[one.name] = {
            work: _gain(repeated(one, _QUICK_COUNT if options.quick else count), work, options)
            for work, count in _COUNTS.items()
        }
    return {"available_cores": os.cpu_count(), "works": table}


def repeated(one: FrameSet, count: int) -> FrameSet:
    """Return a set of `count` Frames: those of `one`, in order, as often as needed."""
    return replace(one, frames=list(itertools.islice(itertools.cycle(one.frames), count)))


def _gain(one: FrameSet, work: str, options: Options) -> float:
    runs, check = _encode(one, int(work[-1])) if work.startswith("encode") else _decode(one, work)
    seconds = take_turns(
        runs, check, options.rounds, clock=time.perf_counter, least_seconds=options.least_seconds
    )
    return seconds["1"] / seconds["2"]


def _encode(one: FrameSet, level: int) -> tuple[dict[str, Callable[[], Any]], Callable[[str, Any], None]]:
    native, first = one.native, list[bytes]()

    def check(name: str, streams: list[bytes]) -> None:
        if name == "1":
            check_streams(one, streams)
            first[:] = streams
        elif streams != first:
            raise WrongResultError(f"{one.name}, level {level}: the streams depend on the number of threads")

    code = partial(engine.deflate_frames, native, one.frame_nbytes, one.row_nbits, level)
    return {"1": partial(code, 1), "2": partial(code, 2)}, check


def _decode(one: FrameSet, work: str) -> tuple[dict[str, Callable[[], Any]], Callable[[str, Any], None]]:
    streams = engine.deflate_frames(one.native, one.frame_nbytes, one.row_nbits, 1, 0)
    native = np.frombuffer(one.native, np.uint8)
    if work == "inflate":
        out = np.empty(len(native), np.uint8)

        def inflate(count: int) -> Any:
            engine.inflate_frames(streams, one.frame_nbytes, out, count)
            return out

        expected, decode = native, inflate
    else:
        described = ImagePixel(rows=one.rows, columns=one.columns, bits_allocated=1)
        expected = np.unpackbits(native, bitorder="little")
        decode = lambda count: decode_frames(streams, described, threads=count)  # noqa: E731

    def check(name: str, result: Any) -> None:
        if not np.array_equal(result.reshape(-1), expected):
            raise WrongResultError(f"{one.name}, {work} with {name} threads: not the Frames")
        if work == "inflate":
            result[:] = 0xA5

    return {"1": partial(decode, 1), "2": partial(decode, 2)}, check


def main(arguments: Sequence[str] | None = None) -> int:
    return run("threads", __doc__ or "", measure, threads, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
