# SPDX-License-Identifier: Apache-2.0
"""Speed of the inflater beside its rivals, on one thread, for streams of several encoders.

All take turns in one process; each figure is the median of the rounds' processor times, as a ratio to Python's zlib
(decompressobj with the Frame's size as its limit, which spares it to grow its output). Ours is measured in batches
(engine.inflate_frames into one buffer) and a Frame a call (decode_frame); rivals are called once a Frame. Every output
is compared with the Frames before anything is timed.

libdeflate is reached here through the deflate package. With readable memory behind its input it is faster, but Python
gives no way to that: benchmarks/native compares the bare functions, where a compiler and libdeflate's headers are.

    python benchmarks/bench_inflate.py
    python benchmarks/bench_inflate.py --quick    two Frames of each set, one round
"""

import importlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import native_contest
from command import Options, run
from frame_sets import FrameSet
from framedeflate import ImagePixel, decode_frame, engine
from inflate_tables import BATCH, ONE, ZLIB, inflate
from interleave import WrongResultError, take_turns
from rivals import REFERENCE, Encoder, check_streams, encoders, libdeflate, missing, ours

__all__ = ["ZLIB", "contest", "inflaters", "main", "measure", "writers"]

Inflater = Callable[[FrameSet, Sequence[bytes]], Sequence[bytes | bytearray | memoryview]]

_SPARSE_BELOW: Final = 1 / 40
"""Sets that zlib 6 deflates to less than this are called sparse; it parts organs from tissue and nuclei."""


def measure(options: Options) -> dict[str, Any]:
    """Return the times of all inflaters by set and by who wrote the streams."""
    sets = [one for one in options.sets() if not one.is_cut]
    table: dict[str, dict[str, dict[str, float]]] = {}
    native: dict[str, dict[str, dict[str, float]]] = {}
    sparse = []
    program = None if options.quick else native_contest.build()
    for one in sets:
        table[one.name], native[one.name] = {}, {}
        for writer, encoder in writers().items():
            streams = encoder(one)
            nbytes = check_streams(one, streams)
            if writer == REFERENCE and nbytes < len(one.native) * _SPARSE_BELOW:
                sparse.append(one.name)
            table[one.name][writer] = contest(one, streams, inflaters(), options)
            if program:
                native[one.name][writer] = native_contest.run(program, one, streams, options.rounds)
    facts = [{"name": one.name, "kind": one.kind, "is_sparse": one.name in sparse} for one in sets]
    version = native_contest.libdeflate_version(program) if program else ""
    return {"sets": facts, "python": table, "native": native if program else {}, "libdeflate": version}


def writers() -> dict[str, Encoder]:
    """Return the encoders whose streams are inflated; levels 1 and 6 of photographic sets are libdeflate's."""
    found = {REFERENCE: encoders(slow=False)[REFERENCE], "level 1": ours(1), "level 6": ours(6)}
    if "libdeflate" not in missing():
        found["libdeflate 6"] = libdeflate(6)
    return found


def inflaters() -> dict[str, Inflater]:
    """Return ours and what is installed of the others; zlib always is."""
    gone = missing()
    found: dict[str, Inflater] = {
        ZLIB: _each(lambda stream, nbytes: zlib.decompressobj(-15).decompress(stream, nbytes)),
    }
    if "libdeflate" not in gone:
        found["libdeflate"] = _each(importlib.import_module("deflate").deflate_decompress)
    if "isal" not in gone:
        isal = importlib.import_module("isal.isal_zlib")
        found["isal"] = _each(lambda stream, nbytes: isal.decompress(stream, -15, nbytes))
    if "zlib-ng" not in gone:
        zlib_ng = importlib.import_module("zlib_ng.zlib_ng")
        found["zlib-ng"] = _each(lambda stream, nbytes: zlib_ng.decompress(stream, -15, nbytes))
    return {**found, BATCH: _Batch(), ONE: _one_at_a_time}


def contest(
    frames: FrameSet, streams: Sequence[bytes], entrants: Mapping[str, Inflater], options: Options
) -> dict[str, float]:
    """Return the time of each inflater as a ratio to zlib's.

    Raises
    ------
    WrongResultError
        One of them does not give the Frames back.
    """

    def check(name: str, output: Sequence[bytes | bytearray | memoryview]) -> None:
        if list(map(bytes, output)) != list(frames.frames):
            raise WrongResultError(f"{name} does not give the Frames of {frames.name} back")

    bound = {name: partial(inflater, frames, streams) for name, inflater in entrants.items()}
    seconds = take_turns(bound, check, options.rounds, least_seconds=options.least_seconds)
    return {name: seconds[name] / seconds[ZLIB] for name in entrants}


def _each(inflate: Callable[[bytes, int], bytes]) -> Inflater:
    return lambda frames, streams: [inflate(stream, frames.frame_nbytes) for stream in streams]


class _Batch:
    """One call a set, always into the same buffer; the others get theirs from the allocator's stock."""

    def __init__(self) -> None:
        self._out = bytearray()

    def __call__(self, frames: FrameSet, streams: Sequence[bytes]) -> list[memoryview]:
        if len(self._out) != len(frames.native):
            self._out = bytearray(len(frames.native))
        engine.inflate_frames(streams, frames.frame_nbytes, self._out, 1)
        view, nbytes = memoryview(self._out), frames.frame_nbytes
        return [view[start : start + nbytes] for start in range(0, len(view), nbytes)]


def _one_at_a_time(frames: FrameSet, streams: Sequence[bytes]) -> list[bytes]:
    described = ImagePixel(
        rows=frames.rows,
        columns=frames.columns,
        bits_allocated=frames.bits_allocated,
        samples_per_pixel=frames.samples_per_pixel,
    )
    return [decode_frame(stream, described) for stream in streams]


def main(arguments: Sequence[str] | None = None) -> int:
    return run("inflate", __doc__ or "", measure, inflate, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
