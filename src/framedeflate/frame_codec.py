# SPDX-License-Identifier: Apache-2.0
"""Native bytes of a Frame to the value of its Fragment and back (PS3.5 8.2.16, A.4.13), one or many at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from framedeflate import engine
from framedeflate.errors import FrameDecodeError, FrameEncodeError
from framedeflate.image_pixel import ImagePixel
from framedeflate.problems import Problem, Severity
from framedeflate.wrapped_stream import find_wrapper

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "DEFAULT_LEVEL",
    "MAX_EXPANSION",
    "InflatedFrames",
    "decode_frame",
    "deflate_frames",
    "encode_frame",
    "inflate_frames",
    "pad",
]

DEFAULT_LEVEL: Final = 1
"""The fastest; docs/performance.md says what the others gain."""

MAX_EXPANSION: Final = 1032
"""DEFLATE's greatest expansion: 258 bytes from two bits (RFC 1951 3.2.5)."""

_DEFECT_KINDS: Final = ("", "bad-data", "short-output", "excess-output", "not-terminated")


@dataclass(frozen=True, slots=True)
class InflatedFrames:
    """What was met while Frames were inflated.

    Attributes
    ----------
    stream_nbytes : list of int
        Bytes of each Fragment that belong to its stream (and wrapper, where it has one), the pad not counted.
    problems : list of Problem
        Departures that do not keep the Frames from being read; positions are not known here.
    """

    stream_nbytes: list[int]
    problems: list[Problem]


def pad(stream: bytes) -> bytes:
    """Return the stream with the single trailing NULL that an odd length asks for (PS3.5 A.4.13)."""
    return stream + b"\0" if len(stream) & 1 else stream


def encode_frame(native: "Buffer", image_pixel: ImagePixel, *, level: int = DEFAULT_LEVEL) -> bytes:
    """Deflate one Frame.

    Parameters
    ----------
    native : bytes-like
        ``image_pixel.frame_nbytes`` bytes: the Frame as it stands in native Pixel Data, little endian; a 1-bit
        Frame starts at its first bit, and unused bits of its last byte are written as zero.
    image_pixel : ImagePixel
        Describes the Frame.
    level : int
        1 (fastest) to 9 (smallest).

    Returns
    -------
    bytes
        The value of the Frame's Fragment: a raw DEFLATE stream, padded to an even length (PS3.5 A.4.13).

    Raises
    ------
    FrameEncodeError
        `native` has another size, or is not contiguous.
    """
    view = memoryview(native)
    if not view.c_contiguous:
        raise FrameEncodeError(
            "the Frame's bytes lie scattered; numpy.ascontiguousarray puts them in one piece"
        )
    if view.nbytes != image_pixel.frame_nbytes:
        raise FrameEncodeError(
            f"{view.nbytes} bytes given where a Frame has {image_pixel.frame_nbytes}; for an array of pixels, "
            "encode_frames packs them"
        )
    (stream,) = deflate_frames(clear_unused_bits(native, image_pixel), image_pixel, level=level)
    return pad(stream)


def deflate_frames(
    frames: "Buffer", image_pixel: ImagePixel, *, level: int = DEFAULT_LEVEL, threads: int = 1
) -> list[bytes]:
    """Deflate Frames that lie one behind the other, ``frame_nbytes`` apart; streams come back without a pad.

    Raises
    ------
    FrameEncodeError
        `frames` is no whole number of Frames.
    """
    size = memoryview(frames).nbytes
    if size % image_pixel.frame_nbytes:
        raise FrameEncodeError(f"{size} bytes are no whole number of Frames of {image_pixel.frame_nbytes}")
    return engine.deflate_frames(frames, image_pixel.frame_nbytes, image_pixel.row_nbits, level, threads)


def clear_unused_bits(frames: "Buffer", image_pixel: ImagePixel) -> "Buffer":
    """Return the Frames with the unused bits of each last byte zero; the same object where there are none set.

    The standard does not say what they hold. Zero makes equal Frames equal streams.
    """
    used = image_pixel.frame_nbits % 8
    if not used:
        return frames
    mask = (1 << used) - 1
    view = memoryview(frames).cast("B")
    last_bytes = view[image_pixel.frame_nbytes - 1 :: image_pixel.frame_nbytes]
    if all(byte <= mask for byte in last_bytes):
        return frames
    cleared = bytearray(view)
    cleared[image_pixel.frame_nbytes - 1 :: image_pixel.frame_nbytes] = bytes(
        byte & mask for byte in last_bytes
    )
    return cleared


def decode_frame(fragment: "Buffer", image_pixel: ImagePixel, *, strict: bool = True) -> bytes:
    """Inflate one Fragment to exactly its Frame.

    Parameters
    ----------
    fragment : bytes-like
        Value of the Frame's Fragment; a stream of odd length without its pad is fine too.
    image_pixel : ImagePixel
        Describes the Frame. Never more than ``frame_nbytes`` is allocated or inflated.
    strict : bool
        Whether bytes behind the stream's end, beyond the pad, are an error.

    Returns
    -------
    bytes
        ``image_pixel.frame_nbytes`` bytes. Unused bits of the last byte of a 1-bit Frame are as the writer left them.

    Raises
    ------
    FrameDecodeError
        With its kind; memory and time are bounded by the Frame's size.
    """
    check_expansion(memoryview(fragment).nbytes, image_pixel)
    out = bytearray(image_pixel.frame_nbytes)
    inflate_frames([fragment], image_pixel, out, strict=strict)
    return bytes(out)


def check_expansion(nbytes: int, image_pixel: ImagePixel, *, frame_number: int | None = None) -> None:
    """Refuse a Fragment of `nbytes` that cannot hold a Frame of the stated size, before anything is allocated for it.

    Rows and Columns belong to the file's writer: without this, 20 bytes could ask for gigabytes.
    """
    if nbytes * MAX_EXPANSION < image_pixel.frame_nbytes:
        raise FrameDecodeError(
            f"a Fragment of {nbytes} bytes cannot hold a Frame of {image_pixel.frame_nbytes}: DEFLATE expands "
            f"{MAX_EXPANSION} to 1 at most",
            kind="short-output" if nbytes else "not-terminated",
            expected_nbytes=image_pixel.frame_nbytes,
            consumed_nbytes=0,
            frame_number=frame_number,
        )


def inflate_frames(
    fragments: "Sequence[Buffer]",
    image_pixel: ImagePixel,
    out: "Buffer",
    *,
    threads: int = 1,
    strict: bool = True,
    first_frame_number: int | None = None,
) -> InflatedFrames:
    """Inflate Fragments into `out`, one Frame behind the other.

    Parameters
    ----------
    fragments : sequence of bytes-like
        One a Frame.
    out : writable bytes-like
        ``len(fragments) * image_pixel.frame_nbytes`` bytes.
    threads : int
        Worker threads; 0 means all cores.
    first_frame_number : int, optional
        Number of the first of these Frames, for errors and problems.

    Returns
    -------
    InflatedFrames

    Raises
    ------
    FrameDecodeError
        For the first Frame that cannot be read.
    """
    defects, consumed, produced = engine.inflate_frames(fragments, image_pixel.frame_nbytes, out, threads)
    problems: list[Problem] = []
    for index, fragment in enumerate(fragments):
        fragment_nbytes = memoryview(fragment).nbytes
        # Streams that end with their Fragment are the rule, and need no further look.
        if not defects[index] and fragment_nbytes == consumed[index]:
            continue
        number = None if first_frame_number is None else first_frame_number + index
        if defects[index]:
            frame = memoryview(out).cast("B")[index * image_pixel.frame_nbytes :][: image_pixel.frame_nbytes]
            problem = _unwrap(fragment, image_pixel, frame, number)
            if problem is None:
                kind = _DEFECT_KINDS[defects[index]]
                raise FrameDecodeError(
                    _decode_message(kind, produced[index], image_pixel.frame_nbytes, consumed[index]),
                    kind=kind,
                    expected_nbytes=image_pixel.frame_nbytes,
                    consumed_nbytes=consumed[index],
                    frame_number=number,
                )
            consumed[index] = fragment_nbytes
            problems.append(problem)
        else:
            problems += _check_pad(fragment, consumed[index], image_pixel, number, strict=strict)
    return InflatedFrames(consumed, problems)


def _decode_message(kind: str, produced: int, expected: int, consumed: int) -> str:
    return {
        "bad-data": f"the deflate stream is broken near its byte {consumed}",
        "short-output": f"the deflate stream holds {produced} bytes where the Frame has {expected}",
        "excess-output": f"the deflate stream holds more than the {expected} bytes of the Frame",
        "not-terminated": f"the Fragment ends inside its deflate stream, {produced} of {expected} bytes in",
    }[kind]


def _check_pad(
    fragment: "Buffer", consumed: int, image_pixel: ImagePixel, number: int | None, *, strict: bool
) -> list[Problem]:
    """Judge what follows a stream: nothing, or one NULL that makes the length even, is what A.4.13 asks."""
    rest = bytes(memoryview(fragment).cast("B")[consumed : consumed + 3])
    if rest == b"\0" and consumed & 1:
        return []
    behind = memoryview(fragment).nbytes - consumed
    if len(rest) == 1:
        kind, what = "pad-byte", "the pad behind the stream is not the one NULL that an odd length asks for"
    elif len(rest) == 2:
        kind, what = "pad-length", "two bytes follow the stream where one NULL at most may"
    else:
        kind, what = "trailing-data", f"{behind} bytes follow the stream where one NULL at most may"
        if strict:
            raise FrameDecodeError(
                f"{what}; strict=False reads such Frames",
                kind="trailing-data",
                expected_nbytes=image_pixel.frame_nbytes,
                consumed_nbytes=consumed,
                frame_number=number,
            )
    return [_problem(kind, "error", number, f"{what} (PS3.5 A.4.13)")]


def _problem(kind: str, severity: Severity, number: int | None, message: str) -> Problem:
    return Problem(kind, severity, number, None, message)


def _unwrap(
    fragment: "Buffer", image_pixel: ImagePixel, frame: memoryview, number: int | None
) -> Problem | None:
    """Read a zlib- or gzip-wrapped Frame into `frame`; None where it is not one, or its checksum is wrong."""
    value = bytes(fragment)
    wrapper = find_wrapper(value)
    if wrapper is None:
        return None
    inner = memoryview(value)[wrapper.header_nbytes :]
    defects, consumed, _produced = engine.inflate_frames([inner], image_pixel.frame_nbytes, frame, 1)
    trailer = bytes(inner[consumed[0] :])
    ends_here = len(trailer) - wrapper.trailer_nbytes in (0, 1)
    if (
        defects[0]
        or not ends_here
        or not wrapper.trailer_matches(trailer[: wrapper.trailer_nbytes], bytes(frame))
    ):
        frame[:] = bytes(len(frame))
        return None
    return _problem(
        "wrapped-stream",
        "error",
        number,
        f"the stream has a {wrapper.name} wrapper where raw DEFLATE is asked for (PS3.5 A.4.13)",
    )
