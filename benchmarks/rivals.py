# SPDX-License-Identifier: Apache-2.0
"""Encoders, each as a function of a set of Frames that returns a raw stream for each; and how they are judged."""

import importlib
import importlib.util
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from frame_sets import FrameSet
from framedeflate import engine
from interleave import WrongResultError

__all__ = [
    "ONE_BY_ONE",
    "OURS",
    "REFERENCE",
    "Encoder",
    "check_streams",
    "encoders",
    "libdeflate",
    "missing",
    "ours",
    "ours_one_by_one",
]

Encoder = Callable[[FrameSet], list[bytes]]

REFERENCE: Final = "zlib 6"
"""What all ratios are to."""

OURS: Final = "level {}"
ONE_BY_ONE: Final = "level {}, a Frame a call"

_PACKAGES: Final = {
    "zlib_ng": "zlib-ng",
    "isal": "isal",
    "deflate": "libdeflate",
    "zopfli": "zopfli",
}


def missing() -> list[str]:
    """Return the names of the rivals that are not installed; tables show no row for them."""
    return [rival for module, rival in _PACKAGES.items() if importlib.util.find_spec(module) is None]


def encoders(*, slow: bool) -> dict[str, Encoder]:
    """Return the installed rivals; zlib is always there.

    Parameters
    ----------
    slow : bool
        The ones of which only a few Frames are asked, or all others.
    """
    gone = missing()
    if slow:
        return {} if "zopfli" in gone else {"zopfli 15": _zopfli()}
    found: dict[str, Encoder] = {
        REFERENCE: _with_object(lambda: zlib.compressobj(6, zlib.DEFLATED, -15)),
        "zlib 9": _with_object(lambda: zlib.compressobj(9, zlib.DEFLATED, -15)),
        "pydicom": _each(_pydicom),
    }
    if "zlib-ng" not in gone:
        zlib_ng = importlib.import_module("zlib_ng.zlib_ng")
        found["zlib-ng 6"] = _with_object(lambda: zlib_ng.compressobj(6, zlib.DEFLATED, -15))
    if "isal" not in gone:
        isal = importlib.import_module("isal.isal_zlib")
        found["isal 1"] = _with_object(lambda: isal.compressobj(1, isal.DEFLATED, -15))
    if "libdeflate" not in gone:
        found |= {f"libdeflate {level}": libdeflate(level) for level in (6, 9, 12)}
    return found


def ours(level: int) -> Encoder:
    """Return the route of all Frames through this package: one call a set."""
    return lambda frames: engine.deflate_frames(
        frames.native, frames.frame_nbytes, frames.row_nbits, level, 1
    )


def ours_one_by_one(level: int) -> Encoder:
    """Return the same with a call a Frame, as rivals are called."""
    return lambda frames: [
        stream
        for frame in frames.frames
        for stream in engine.deflate_frames(frame, frames.frame_nbytes, frames.row_nbits, level, 1)
    ]


def libdeflate(level: int) -> Encoder:
    """Return libdeflate, a call a Frame."""
    compress = importlib.import_module("deflate").deflate_compress
    return _each(lambda frame: bytes(compress(frame, level)))


def check_streams(frames: FrameSet, streams: Sequence[bytes]) -> int:
    """Return the size of all streams, once zlib has given each Frame back from the whole of its stream."""
    if len(streams) != len(frames.frames):
        raise WrongResultError(f"{len(streams)} streams for {len(frames.frames)} Frames of {frames.name}")
    for number, (frame, stream) in enumerate(zip(frames.frames, streams, strict=True), 1):
        judge = zlib.decompressobj(-15)
        try:
            native = judge.decompress(stream)
        except zlib.error as error:
            raise WrongResultError(f"Frame {number} of {frames.name}: {error}") from error
        if native != frame or not judge.eof or judge.unused_data:
            raise WrongResultError(f"Frame {number} of {frames.name} does not come back from its stream")
    return sum(map(len, streams))


def _each(code: Callable[[bytes], bytes]) -> Encoder:
    return lambda frames: [code(frame) for frame in frames.frames]


def _with_object(make: Callable[[], Any]) -> Encoder:
    """Return an encoder of a function that returns a new compressobj: the way to a raw stream of such modules."""

    def code(frame: bytes) -> bytes:
        deflater = make()
        return deflater.compress(frame) + deflater.flush()  # type: ignore[no-any-return]

    return _each(code)


def _pydicom(frame: bytes) -> bytes:
    """Deflate as the encoder of pydicom 3.1's development version does, without what surrounds it there."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return b"".join((deflater.compress(frame), deflater.flush()))


def _zopfli() -> Encoder:
    compress = importlib.import_module("zopfli.zopfli").compress
    # A zlib stream: two bytes of header and four of Adler-32 around the raw one.
    return _each(lambda frame: compress(frame, numiterations=15)[2:-4])
