# SPDX-License-Identifier: Apache-2.0
"""Size and speed of the encoder beside its rivals, on one thread.

All coders take turns in one run, so that whatever else the machine does falls on all of them; each is given as the
median of the rounds, as a ratio to zlib level 6. Every stream is inflated by zlib and compared first.

    python benchmarks/bench_encode.py            the Frames of ../shared/frames if they are there, else Frames made here
    python benchmarks/bench_encode.py --quick    a few Frames of each set, the quick coders, two rounds
"""

import argparse
import importlib
import importlib.util
import json
import math
import statistics
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

SHARED = Path(__file__).parents[1] / "../shared/frames"
REFERENCE = "zlib 6"


@dataclass(frozen=True)
class FrameSet:
    """Frames of one shape."""

    name: str
    frames: Sequence[bytes]  # native bytes of each
    row_nbits: int
    bits_allocated: int

    @cached_property
    def native(self) -> bytes:
        """All Frames one after the other, as Pixel Data holds them and the core takes them."""
        return b"".join(self.frames)


Coder = Callable[[FrameSet], list[bytes]]


def made_sets() -> list[FrameSet]:
    """Sparse and dense shapes and noise, for a checkout with no frames beside it."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:512, :512]
    sets = []
    for name, count, radius in (("organs", 3, 90), ("nuclei", 600, 9)):
        frames = []
        for _ in range(16):
            pixels = np.zeros((512, 512), bool)
            for _ in range(count):
                r = radius * (0.5 + rng.random())
                pixels |= (y - rng.integers(512)) ** 2 + (x - rng.integers(512)) ** 2 < r * r
            frames.append(np.packbits(pixels.ravel(), bitorder="little").tobytes())
        sets.append(FrameSet(name, frames, 512, 1))
    noise = [np.packbits(rng.random(512 * 512) < 0.05, bitorder="little").tobytes() for _ in range(4)]
    return [*sets, FrameSet("noise", noise, 512, 1)]


def shared_sets() -> list[FrameSet]:
    """Sets of single-bit Frames and label maps; photographic ones are libdeflate's."""
    described: dict[str, dict[str, Any]] = json.loads((SHARED / "frames.json").read_text())
    sets = []
    for name, facts in described.items():
        if facts["bits_allocated"] != 1 and not name.startswith("labelmap"):
            continue
        native = (SHARED / f"{name}.bin").read_bytes()
        nbytes = facts["frame_nbytes"]
        frames = [native[start : start + nbytes] for start in range(0, len(native), nbytes)]
        row_nbits = facts["columns"] * facts["bits_allocated"] * facts["samples_per_pixel"]
        sets.append(FrameSet(name, frames, row_nbits, facts["bits_allocated"]))
    return sets


def each(code: Callable[[bytes], bytes]) -> Coder:
    """Turn a function of one Frame into a coder of a set."""
    return lambda frame_set: [code(frame) for frame in frame_set.frames]


def with_object(make: Callable[[], Any]) -> Coder:
    """Make a coder of a function that returns a new compressobj, the way a raw stream is had from such modules."""

    def code(frame: bytes) -> bytes:
        deflater = make()
        return deflater.compress(frame) + deflater.flush()  # type: ignore[no-any-return]

    return each(code)


def ours(level: int) -> Coder:
    core = importlib.import_module("framedeflate._native")

    def code(frame_set: FrameSet) -> list[bytes]:
        return core.deflate_frames(frame_set.native, len(frame_set.frames[0]), frame_set.row_nbits, level, 1)  # type: ignore[no-any-return]

    return code


def rivals(quick: bool) -> dict[str, Coder]:
    """Whatever is installed of them; zlib always is."""
    coders: dict[str, Coder] = {REFERENCE: with_object(lambda: zlib.compressobj(6, zlib.DEFLATED, -15))}
    found = {name: importlib.util.find_spec(name) for name in ("zlib_ng", "isal", "deflate", "zopfli")}
    if found["zlib_ng"]:
        zlib_ng = importlib.import_module("zlib_ng.zlib_ng")
        coders["zlib-ng 6"] = with_object(lambda: zlib_ng.compressobj(6, zlib.DEFLATED, -15))
    if found["isal"]:
        isal = importlib.import_module("isal.isal_zlib")
        coders["isal 1"] = with_object(lambda: isal.compressobj(1, isal.DEFLATED, -15))
    if found["deflate"]:
        libdeflate = importlib.import_module("deflate")
        for level in (6,) if quick else (6, 9, 12):
            coders[f"libdeflate {level}"] = each(
                lambda frame, at=level: bytes(libdeflate.deflate_compress(frame, at))
            )
    if not quick:
        coders["zlib 9"] = with_object(lambda: zlib.compressobj(9, zlib.DEFLATED, -15))
        if found["zopfli"]:
            zopfli = importlib.import_module("zopfli.zopfli")
            # A zlib stream: two bytes of header and four of Adler-32 around the raw one.
            coders["zopfli 15"] = each(lambda frame: zopfli.compress(frame, numiterations=15)[2:-4])
    return coders


def judged(frame_set: FrameSet, coder: Coder) -> int:
    """Total size of the streams, once zlib has given each Frame back."""
    streams = coder(frame_set)
    for frame, stream in zip(frame_set.frames, streams, strict=True):
        judge = zlib.decompressobj(-15)
        if judge.decompress(stream) != frame or not judge.eof or judge.unused_data:
            raise SystemExit(f"a stream for {frame_set.name} does not give its Frame back")
    return sum(map(len, streams))


def seconds(coder: Coder, frame_set: FrameSet) -> float:
    start = time.perf_counter()
    coder(frame_set)
    return time.perf_counter() - start


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, values)))


def measure(
    sets: Sequence[FrameSet], coders: dict[str, Coder], rounds: int
) -> dict[str, dict[str, tuple[float, float]]]:
    """By coder and set: size and speed as ratios to zlib level 6."""
    table: dict[str, dict[str, tuple[float, float]]] = {name: {} for name in coders}
    for frame_set in sets:
        # The slow ones on few Frames; their time is compared with that of the reference on the same ones.
        few = FrameSet(
            frame_set.name, frame_set.frames[:: max(1, len(frame_set.frames) // 4)], *_shape(frame_set)
        )
        for slow in (False, True):
            group = few if slow else frame_set
            names = [name for name in coders if name == REFERENCE or _is_slow(name) == slow]
            sizes = {name: judged(group, coders[name]) for name in names}
            times: dict[str, list[float]] = {name: [] for name in names}
            for _ in range(1 if slow and len(names) > 1 else rounds):
                for name in names:
                    times[name].append(seconds(coders[name], group))
            for name in names:
                if name == REFERENCE and slow:
                    continue
                speed = statistics.median(times[REFERENCE]) / statistics.median(times[name])
                table[name][frame_set.name] = (sizes[name] / sizes[REFERENCE], speed)
    return table


def _shape(frame_set: FrameSet) -> tuple[int, int]:
    return frame_set.row_nbits, frame_set.bits_allocated


def _is_slow(name: str) -> bool:
    return name in {"libdeflate 12", "zopfli 15", "ours 7", "ours 8", "ours 9"}


def show(table: dict[str, dict[str, tuple[float, float]]], single_bit: Sequence[str]) -> None:
    for name, by_set in table.items():
        cells = [f"{by_set[s][0]:.3f} x{by_set[s][1]:.2f}" for s in by_set]
        of_bits = [by_set[s] for s in single_bit if s in by_set]
        if of_bits:
            sizes, speeds = zip(*of_bits, strict=True)
            cells.append(
                f"| {geometric_mean(sizes):.3f} x{geometric_mean(speeds):.2f} (min x{min(speeds):.2f})"
            )
        print(f"{name:14s} " + "  ".join(cells))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few Frames, quick coders")
    parser.add_argument(
        "--rounds", type=int, default=5, help="rounds of which the median is taken (default 5)"
    )
    parser.add_argument("--output", type=Path, help="also write the table there, as JSON")
    options = parser.parse_args(arguments)
    sets = shared_sets() if SHARED.is_dir() else made_sets()
    if options.quick:
        sets = [
            FrameSet(s.name, s.frames[:: max(1, len(s.frames) // 2)][:2], s.row_nbits, s.bits_allocated)
            for s in sets
        ]
    levels = (1, 3) if options.quick else range(1, 10)
    coders = rivals(options.quick) | {f"ours {level}": ours(level) for level in levels}
    table = measure(sets, coders, 2 if options.quick else options.rounds)
    print(
        "size and speed, as ratios to zlib level 6:",
        *(s.name for s in sets),
        "| single-bit sets: geometric mean",
    )
    show(table, [s.name for s in sets if s.bits_allocated == 1])
    if options.output:
        options.output.write_text(json.dumps(table, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
