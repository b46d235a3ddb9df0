# SPDX-License-Identifier: Apache-2.0
"""Fragments to the native bytes or the pixels of their Frames, and what is wrong with them (PS3.5 A.4.13)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from framedeflate import engine
from framedeflate.errors import FrameDecodeError
from framedeflate.image_pixel import ImagePixel
from framedeflate.problems import Problem, Severity
from framedeflate.wrapped_stream import find_wrapper

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "DEFECT_KINDS",
    "MAX_EXPANSION",
    "MAX_PAD_NBYTES",
    "InflatedFrames",
    "SizedFrame",
    "check_expansion",
    "inflate_frames",
    "inflate_pixels",
]

MAX_EXPANSION: Final = 1032
"""DEFLATE's greatest expansion: 258 bytes from two bits (RFC 1951 3.2.5)."""

MAX_PAD_NBYTES: Final = 2
"""Bytes that may follow a stream in its Fragment: one more than PS3.5 A.4.13 asks for is read, and reported."""

DEFECT_KINDS: Final = ("", "bad-data", "short-output", "excess-output", "not-terminated")
"""Kinds of FrameDecodeError by the engine's number of a defect; 0 is none."""


class SizedFrame(Protocol):
    """All that inflating needs to know of a Frame: an `ImagePixel`, or whatever else has a size."""

    @property
    def frame_nbytes(self) -> int:
        """Bytes of a Frame that stands by itself."""


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


def check_expansion(nbytes: int, image_pixel: SizedFrame, *, frame_number: int | None = None) -> None:
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
    image_pixel: SizedFrame,
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

    def put(index: int, frame: bytes) -> None:
        place = index * image_pixel.frame_nbytes
        memoryview(out).cast("B")[place : place + image_pixel.frame_nbytes] = frame

    found = engine.inflate_frames(fragments, image_pixel.frame_nbytes, out, threads)
    first = first_frame_number
    numbers = None if first is None else range(first, first + len(fragments))
    return _judge(fragments, image_pixel, found, put, strict=strict, frame_numbers=numbers)


def inflate_pixels(
    fragments: "Sequence[Buffer]",
    image_pixel: ImagePixel,
    out: "Buffer",
    *,
    zeroed: bool,
    threads: int = 1,
    strict: bool = True,
    frame_numbers: Sequence[int] | None = None,
) -> InflatedFrames:
    """Inflate Fragments to pixels: a byte 0 or 1 each where they have one bit, else the native bytes.

    Parameters
    ----------
    out : writable bytes-like
        ``frame_nbits`` bytes for each Fragment of a 1-bit image, else ``frame_nbytes``.
    zeroed : bool
        Whether `out` holds zeros: then only what is not zero is written, and memory that was never touched stays so.
    frame_numbers : sequence of int, optional
        Number of each of these Frames, for errors and problems.
    fragments, threads, strict
        As `inflate_frames`.

    Returns
    -------
    InflatedFrames

    Raises
    ------
    FrameDecodeError
        For the first Frame that cannot be read.
    """
    unpacked_nbits = image_pixel.frame_nbits if image_pixel.is_bilevel else 0
    pixels_nbytes = unpacked_nbits or image_pixel.frame_nbytes

    def put(index: int, frame: bytes) -> None:
        pixels = memoryview(out).cast("B")[index * pixels_nbytes : (index + 1) * pixels_nbytes]
        if unpacked_nbits:
            engine.unpack_bits(frame, unpacked_nbits, 1, pixels)
        else:
            pixels[:] = frame

    frame_nbytes = image_pixel.frame_nbytes
    found = engine.inflate_pixels(
        fragments, frame_nbytes, unpacked_nbits, out, zeroed=zeroed, threads=threads
    )
    return _judge(fragments, image_pixel, found, put, strict=strict, frame_numbers=frame_numbers)


def _judge(
    fragments: "Sequence[Buffer]",
    image_pixel: SizedFrame,
    found: tuple[bytes, list[int], list[int]],
    put: Callable[[int, bytes], None],
    *,
    strict: bool,
    frame_numbers: Sequence[int] | None,
) -> InflatedFrames:
    """Turn what the engine found into problems, or the error of the first Frame that cannot be read.

    `put` takes the index and the native bytes of a Frame that only its wrapper kept from being inflated.
    """
    defects, consumed, produced = found
    problems: list[Problem] = []
    for index, fragment in enumerate(fragments):
        value = fragment if isinstance(fragment, bytes) else memoryview(fragment).cast("B")
        nbytes = consumed[index]
        behind = len(value) - nbytes
        tidy = not behind or (behind == 1 and nbytes & 1 and not value[nbytes])
        if tidy and not defects[index]:
            continue
        number = None if frame_numbers is None else frame_numbers[index]
        if not defects[index]:
            problems.append(_untidy(value, nbytes, image_pixel, number, strict=strict))
            continue
        unwrapped = _unwrap(fragment, image_pixel, number)
        if unwrapped is None:
            kind = DEFECT_KINDS[defects[index]]
            raise FrameDecodeError(
                _decode_message(kind, produced[index], image_pixel.frame_nbytes, consumed[index]),
                kind=kind,
                expected_nbytes=image_pixel.frame_nbytes,
                consumed_nbytes=consumed[index],
                frame_number=number,
            )
        frame, problem = unwrapped
        put(index, frame)
        consumed[index] = len(value)
        problems.append(problem)
    return InflatedFrames(consumed, problems)


def _decode_message(kind: str, produced: int, expected: int, consumed: int) -> str:
    return {
        "bad-data": f"the deflate stream is broken near its byte {consumed}",
        "short-output": f"the deflate stream holds {produced} bytes where the Frame has {expected}",
        "excess-output": f"the deflate stream holds more than the {expected} bytes of the Frame",
        "not-terminated": f"the Fragment ends inside its deflate stream, {produced} of {expected} bytes in",
    }[kind]


def _untidy(
    value: bytes | memoryview, consumed: int, image_pixel: SizedFrame, number: int | None, *, strict: bool
) -> Problem:
    """Judge what follows a stream, where it is not the one NULL that an odd length asks for (PS3.5 A.4.13)."""
    behind = len(value) - consumed
    if behind == 1:
        kind, what = "pad-byte", "the pad behind the stream is not the one NULL that an odd length asks for"
    elif behind <= MAX_PAD_NBYTES:
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
    return _problem(kind, "error", number, f"{what} (PS3.5 A.4.13)")


def _problem(kind: str, severity: Severity, number: int | None, message: str) -> Problem:
    return Problem(kind, severity, number, None, message)


def _unwrap(fragment: "Buffer", image_pixel: SizedFrame, number: int | None) -> tuple[bytes, Problem] | None:
    """Return the native bytes of a zlib- or gzip-wrapped Frame; None where it is not one, or its checksum is wrong."""
    value = bytes(fragment)
    wrapper = find_wrapper(value)
    if wrapper is None:
        return None
    inner = memoryview(value)[wrapper.header_nbytes :]
    frame = bytearray(image_pixel.frame_nbytes)
    defects, consumed, _produced = engine.inflate_frames([inner], image_pixel.frame_nbytes, frame, 1)
    trailer = bytes(inner[consumed[0] :])
    ends_here = len(trailer) - wrapper.trailer_nbytes in (0, 1)
    native = bytes(frame)
    if defects[0] or not ends_here or not wrapper.trailer_matches(trailer[: wrapper.trailer_nbytes], native):
        return None
    problem = _problem(
        "wrapped-stream",
        "error",
        number,
        f"the stream has a {wrapper.name} wrapper where raw DEFLATE is asked for (PS3.5 A.4.13)",
    )
    return native, problem
