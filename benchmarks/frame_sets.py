# SPDX-License-Identifier: Apache-2.0
"""The Frames that are coded: real and synthetic sets beside the repository, or sets made here, and cuts of either."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHARED", "FrameSet", "all_sets", "cuts", "evenly", "made_sets", "shared_sets"]

SHARED: Final = Path(__file__).resolve().parents[1] / "../shared/frames"

Kind = Literal["1-bit", "label map", "photographic"]


@dataclass(frozen=True)
class FrameSet:
    """Frames of one shape.

    Attributes
    ----------
    kind : {"1-bit", "label map", "photographic"}
        What is in the Frames; means are taken over the single-bit sets alone.
    is_cut : bool
        Made of another set's Frames, or of label maps with wider samples: shown apart, and in no mean.
    frames : sequence of bytes
        Native bytes of each, as it stands by itself.
    """

    name: str
    kind: Kind
    rows: int
    columns: int
    bits_allocated: int
    frames: Sequence[bytes]
    samples_per_pixel: int = 1
    is_cut: bool = False

    @property
    def row_nbits(self) -> int:
        return self.columns * self.bits_allocated * self.samples_per_pixel

    @property
    def frame_nbytes(self) -> int:
        return len(self.frames[0])

    @cached_property
    def native(self) -> bytes:
        """All Frames one behind the other, as the engine takes them."""
        return b"".join(self.frames)

    def few(self, count: int) -> "FrameSet":
        """Return the set with `count` of its Frames at most, evenly spread."""
        return replace(self, frames=evenly(self.frames, count))


def evenly(frames: Sequence[bytes], count: int) -> Sequence[bytes]:
    """Return `count` of the Frames at most, from the whole of the sequence and none twice."""
    count = min(count, len(frames))
    return [frames[(2 * number + 1) * len(frames) // (2 * count)] for number in range(count)]


@cache
def all_sets(folder: Path = SHARED) -> list[FrameSet]:
    """Return the sets of `folder`, or made ones where it is missing, and the cuts of either."""
    sets = shared_sets(folder) if (folder / "frames.json").is_file() else made_sets()
    return [*sets, *cuts(sets)]


def shared_sets(folder: Path = SHARED) -> list[FrameSet]:
    """Return the sets that ``frames.json`` describes."""
    described: dict[str, dict[str, Any]] = json.loads((folder / "frames.json").read_text(encoding="utf-8"))
    return [_shared_set(folder, name, facts) for name, facts in described.items()]


def _shared_set(folder: Path, name: str, facts: dict[str, Any]) -> FrameSet:
    native = (folder / f"{name}.bin").read_bytes()
    nbytes = facts["frame_nbytes"]
    kind: Kind = "photographic"
    if facts["bits_allocated"] == 1:
        kind = "1-bit"
    elif name.startswith("labelmap"):
        kind = "label map"
    return FrameSet(
        name,
        kind,
        facts["rows"],
        facts["columns"],
        facts["bits_allocated"],
        [native[start : start + nbytes] for start in range(0, len(native), nbytes)],
        facts["samples_per_pixel"],
    )


def made_sets() -> list[FrameSet]:
    """Return sparse and dense shapes, noise, label maps and a photographic set, the same at every call."""
    rng = np.random.default_rng(1)
    organs = [_discs(rng, count=3, radius=90) for _ in range(16)]
    nuclei = [_discs(rng, count=600, radius=9) for _ in range(8)]
    noise = [rng.random((512, 512)) < 0.05 for _ in range(4)]
    labels = [
        sum((mask.astype(np.uint8) * (label + 1) for label, mask in enumerate(organs[start : start + 4])))
        for start in (0, 4, 8)
    ]
    y, x = np.mgrid[:256, :256]
    scan = [(800 + 300 * np.sin(x / 31 + n) * np.cos(y / 47) + rng.normal(0, 12, x.shape)) for n in range(2)]
    return [
        FrameSet("made_organs", "1-bit", 512, 512, 1, _packed(organs)),
        FrameSet("made_nuclei", "1-bit", 512, 512, 1, _packed(nuclei)),
        FrameSet("made_noise", "1-bit", 512, 512, 1, _packed(noise)),
        FrameSet(
            "made_labelmap", "label map", 512, 512, 8, [np.uint8(pixels).tobytes() for pixels in labels]
        ),
        FrameSet("made_scan", "photographic", 256, 256, 16, [s.astype("<u2").tobytes() for s in scan]),
    ]


def _discs(rng: np.random.Generator, *, count: int, radius: float) -> NDArray[np.bool_]:
    pixels = np.zeros((512, 512), np.bool_)
    for _ in range(count):
        r = radius * (0.5 + rng.random())
        at = rng.integers(512, size=2)
        low, high = np.maximum(at - int(r) - 1, 0), at + int(r) + 2
        part = pixels[low[0] : high[0], low[1] : high[1]]
        y, x = np.ogrid[low[0] : low[0] + part.shape[0], low[1] : low[1] + part.shape[1]]
        part |= (y - at[0]) ** 2 + (x - at[1]) ** 2 < r * r
    return pixels


def cuts(sets: Sequence[FrameSet]) -> list[FrameSet]:
    """Return the widths and sizes that the sets lack: rows that are no whole bytes, small Frames, 16-bit labels.

    Of the sets of 512 columns the first is cut, and two from the middle: they are listed from sparse to dense.
    """
    wide = [one for one in sets if one.kind == "1-bit" and one.columns == 512]
    middle = len(wide) // 2
    found = [
        _cut(one, "509", lambda pixels: pixels[:, :509], 32) for one in (wide[0], *wide[middle : middle + 2])
    ]
    found += [_cut(one, "64x64", _busiest_64, 128) for one in (wide[0], wide[middle])]
    for one in sets:
        if one.kind == "label map":
            words = [np.frombuffer(frame, np.uint8).astype("<u2").tobytes() for frame in one.frames[:8]]
            found.append(
                replace(one, name=f"{one.name} 16-bit", bits_allocated=16, frames=words, is_cut=True)
            )
    return found


def _cut(
    one: FrameSet, suffix: str, part: Callable[[NDArray[np.bool_]], NDArray[np.bool_]], count: int
) -> FrameSet:
    pixels = [part(_unpacked(frame, one)) for frame in evenly(one.frames, count)]
    rows, columns = pixels[0].shape
    return FrameSet(f"{one.name} {suffix}", "1-bit", rows, columns, 1, _packed(pixels), is_cut=True)


def _busiest_64(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the tile with the most edges: most tiles of a sparse Frame are empty."""
    edges = np.zeros(pixels.shape, np.uint8)
    edges[:, 1:] = pixels[:, 1:] != pixels[:, :-1]
    tiles = edges.reshape(8, 64, 8, 64).sum(axis=(1, 3))
    row, column = np.unravel_index(np.argmax(tiles), tiles.shape)
    return pixels[row * 64 : row * 64 + 64, column * 64 : column * 64 + 64]


def _unpacked(frame: bytes, one: FrameSet) -> NDArray[np.bool_]:
    bits = np.unpackbits(np.frombuffer(frame, np.uint8), bitorder="little", count=one.rows * one.columns)
    return bits.reshape(one.rows, one.columns).astype(np.bool_)


def _packed(frames: Iterable[NDArray[np.bool_]]) -> list[bytes]:
    return [np.packbits(pixels.ravel(), bitorder="little").tobytes() for pixels in frames]
