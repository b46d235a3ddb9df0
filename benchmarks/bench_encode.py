# SPDX-License-Identifier: Apache-2.0
"""Size and speed of every level beside its rivals, on one thread.

All coders take turns in one process. Each figure is the median of the rounds' processor times, as a ratio to zlib
level 6 on the same Frames. Every stream is inflated by zlib and compared before anything is timed. Ours is
engine.deflate_frames, the route of all Frames through the package, in one call a set; rivals are called once a Frame,
and so is the default level in a row of its own.

    python benchmarks/bench_encode.py             ../shared/frames if they are there, else Frames made here
    python benchmarks/bench_encode.py --quick     two Frames of each set, the quick coders, one round
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from command import Options, run
from encode_tables import encode
from frame_sets import FrameSet
from framedeflate import DEFAULT_LEVEL
from interleave import take_turns
from rivals import (
    ONE_BY_ONE,
    OURS,
    REFERENCE,
    Encoder,
    check_streams,
    encoders,
    libdeflate,
    missing,
    ours,
    ours_one_by_one,
)

LEVELS = range(1, 10)
_LIBDEFLATE_ABOVE = 3
"""The engine sends photographic Frames of level n to libdeflate's n + 3."""
_FEW = {"1-bit": 6, "label map": 1, "photographic": 1}
"""Frames that the slow coders get."""


def measure(options: Options) -> dict[str, Any]:
    """Return sizes and times of all coders, and those of the slow ones with what they are compared with."""
    sets = options.sets()
    quick, slow = encoders(slow=False), encoders(slow=True)
    levels = (1, 6) if options.quick else LEVELS
    if options.quick:
        quick.pop("libdeflate 12", None)
    named = {ONE_BY_ONE.format(DEFAULT_LEVEL): ours_one_by_one(DEFAULT_LEVEL)}
    named |= {OURS.format(level): ours(level) for level in levels}
    smallest = min(sets, key=lambda one: one.frame_nbytes, default=None)
    whole, few = {}, {}
    for one in sets:
        matching: dict[str, Encoder] = {}
        if one.kind == "photographic" and "libdeflate" not in missing():
            above = [level + _LIBDEFLATE_ABOVE for level in levels]
            matching = {f"libdeflate {level}": libdeflate(level) for level in above}
        whole[one.name] = contest(one, {**quick, **matching, **named}, options)
        if slow and (one is smallest if options.quick else not one.is_cut):
            beside = {REFERENCE: quick[REFERENCE], **{OURS.format(level): ours(level) for level in (6, 9)}}
            count = 1 if options.quick else _FEW[one.kind]
            few[one.name] = contest(one.few(count), {**beside, **slow}, options)
    return {"sets": [_facts(one) for one in sets], "all": whole, "few": few}


def contest(
    frames: FrameSet, coders: Mapping[str, Encoder], options: Options
) -> dict[str, tuple[int, float]]:
    """Return, by coder, the size of all streams in bytes and the time as a ratio to the reference's.

    Raises
    ------
    WrongResultError
        A stream does not give its Frame back.
    """
    sizes: dict[str, int] = {}

    def check(name: str, streams: Sequence[bytes]) -> None:
        sizes[name] = check_streams(frames, streams)

    bound: dict[str, Callable[[], list[bytes]]] = {
        name: partial(coder, frames) for name, coder in coders.items()
    }
    seconds = take_turns(bound, check, options.rounds, least_seconds=options.least_seconds)
    return {name: (sizes[name], seconds[name] / seconds[REFERENCE]) for name in coders}


def _facts(one: FrameSet) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "is_cut": one.is_cut,
        "frames": len(one.frames),
        "native_nbytes": len(one.native),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    return run("encode", __doc__ or "", measure, encode, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
