# SPDX-License-Identifier: Apache-2.0
"""Chooses between the C++ core and its reference, and sends photographic Frames to libdeflate.

``FRAMEDEFLATE_ENGINE=native`` or ``reference`` forces one. With ``FRAMEDEFLATE_REQUIRE_NATIVE=1`` a missing core is an
error. Otherwise the reference takes its place, and says so once, when it is first asked to code a Frame.
"""

import importlib
import itertools
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "ElementScan",
    "cut_bits",
    "deflate_frames",
    "deflate_items",
    "deflate_photographic",
    "first_mismatch",
    "inflate_checksums",
    "inflate_frames",
    "inflate_pixels",
    "join_bits",
    "name",
    "pack_bits",
    "read_item_values",
    "scan_items",
    "unpack_bits",
]

_HOW_TO_GET_IT: Final = (
    "install a C++20 compiler and run: pip install --force-reinstall --no-cache-dir --no-binary framedeflate "
    "framedeflate"
)
_unannounced = False


def _choose() -> Literal["native", "reference"]:
    global _unannounced  # noqa: PLW0603  (the warning is due at first use, not at import)
    forced = os.environ.get("FRAMEDEFLATE_ENGINE", "")
    if forced == "reference":
        return "reference"
    if forced not in {"", "native"}:
        raise ImportError(
            f'FRAMEDEFLATE_ENGINE is "{forced}"; set it to "native" or "reference", or leave it unset'
        )
    try:
        importlib.import_module("framedeflate._native")
    except ImportError as error:
        if forced or os.environ.get("FRAMEDEFLATE_REQUIRE_NATIVE", "0") not in {"", "0"}:
            raise ImportError(
                f"framedeflate's C++ core is missing or broken ({error}), and FRAMEDEFLATE_REQUIRE_NATIVE or "
                f"FRAMEDEFLATE_ENGINE asks for it: {_HOW_TO_GET_IT}"
            ) from error
        _unannounced = True
        return "reference"
    return "native"


name: Final = _choose()
"""Which of the two is in use: "native" or "reference"."""

if TYPE_CHECKING or name == "native":
    from framedeflate import _native as _core
else:
    from framedeflate import _reference as _core

ElementScan = _core.ElementScan
cut_bits = _core.cut_bits
first_mismatch = _core.first_mismatch
join_bits = _core.join_bits
pack_bits = _core.pack_bits
read_item_values = _core.read_item_values
scan_items = _core.scan_items
unpack_bits = _core.unpack_bits

_MAX_LEVEL: Final = 9
_LIBDEFLATE_ABOVE: Final = 3
"""Our level n is libdeflate's n + 3: 4 already comes within 3 % of zlib-6 at three times its speed, 12 is the last."""
_STORED_BLOCK_NBYTES: Final = 0xFFFF
_ITEM_HEADER_NBYTES: Final = 8


def deflate_frames(
    frames: "Buffer", frame_nbytes: int, row_nbits: int, level: int, threads: int
) -> list[bytes]:
    """Deflate native Frames, each into a stream of its own (raw RFC 1951, without a pad byte).

    Parameters
    ----------
    frames : Buffer
        The Frames, one behind the other.
    frame_nbytes : int
        Size of each.
    row_nbits : int
        Distance in bits at which a Frame resembles itself: one row. Any value is correct, the true one is small.
    level : int
        1 (fastest) to 9 (smallest).
    threads : int
        How many at most; 0 means all cores. The streams do not depend on it.

    Raises
    ------
    ValueError
        A size, `level` or `threads` out of range.
    """
    _check(level=level, threads=threads)
    _announce()
    items, sizes, _mismatch = _core.deflate_items(
        frames, frame_nbytes, row_nbits, level, threads, expected=None
    )
    streams: list[bytes] = []
    at = 0
    for is_deflated, run in itertools.groupby(sizes, bool):
        if is_deflated:
            for nbytes in run:
                start = at + _ITEM_HEADER_NBYTES
                streams.append(items[start : start + nbytes])
                at = start + nbytes + nbytes % 2
            continue
        first = len(streams) * frame_nbytes
        part = memoryview(frames).cast("B")[first : first + len(list(run)) * frame_nbytes]
        streams += deflate_photographic(part, frame_nbytes, level, threads)
    return streams


def deflate_items(
    frames: "Buffer", frame_nbytes: int, row_nbits: int, level: int, threads: int, *, check: bool
) -> tuple[bytes, list[int], int | None]:
    """Deflate native Frames into Items ready to write; parameters and errors as `deflate_frames`.

    Parameters
    ----------
    check : bool
        Inflate every stream again and compare it with its Frame.

    Returns
    -------
    items : bytes
        Header, stream and pad of each Frame, but not of photographic ones: those are for `deflate_photographic`.
    stream_nbytes : list of int
        One a Frame: size of its stream without header and pad; 0 where it is photographic.
    mismatch : int or None
        The first Frame that its stream does not give back.
    """
    _check(level=level, threads=threads)
    _announce()
    return _core.deflate_items(
        frames, frame_nbytes, row_nbits, level, threads, expected=frames if check else None
    )


def inflate_frames(
    fragments: "Sequence[Buffer]", frame_nbytes: int, out: "Buffer", threads: int
) -> tuple[bytes, list[int], list[int]]:
    """Inflate Fragments into `out`, each into its own `frame_nbytes`; never a byte beyond them.

    Parameters
    ----------
    fragments : sequence of Buffer
        Raw RFC 1951 streams; what follows a stream's end is not looked at.
    frame_nbytes : int
        Size of each Frame, at least 1.
    out : Buffer
        Writable, ``len(fragments) * frame_nbytes`` bytes. The part of a Fragment with a defect is zeroed.
    threads : int
        How many at most; 0 means all cores.

    Returns
    -------
    defects : bytes
        One a Fragment: 0 none, 1 bad data, 2 short output, 3 excess output, 4 not terminated.
    consumed, produced : list of int
        Bytes of each Fragment read, and bytes it inflated to, up to its end or defect.

    Raises
    ------
    ValueError
        A size or `threads` out of range.
    """
    _check(level=1, threads=threads)
    _announce()
    return _core.inflate_frames(fragments, frame_nbytes, out, threads)


def inflate_pixels(
    fragments: "Sequence[Buffer]",
    frame_nbytes: int,
    unpacked_nbits: int,
    out: "Buffer",
    *,
    zeroed: bool,
    threads: int,
) -> tuple[bytes, list[int], list[int]]:
    """Inflate Fragments to pixels in `out`; returns and raises what `inflate_frames` does.

    Parameters
    ----------
    unpacked_nbits : int
        Bits of a 1-bit Frame, each of which becomes a byte 0 or 1; 0 where the pixels are the native bytes.
    out : Buffer
        Writable, ``unpacked_nbits or frame_nbytes`` bytes for each Fragment.
    zeroed : bool
        Whether `out` holds zeros: then only what is not zero is written.
    """
    _check(level=1, threads=threads)
    _announce()
    return _core.inflate_pixels(fragments, frame_nbytes, unpacked_nbits, out, zeroed=zeroed, threads=threads)


def inflate_checksums(
    fragments: "Sequence[Buffer]", frame_nbytes: int, threads: int
) -> tuple[bytes, list[int], list[int], list[int], list[int]]:
    """Inflate Fragments and return what `inflate_frames` does, then the Adler-32 and the CRC-32 of each Frame.

    With them a stored stream can be sent in a wrapper of zlib (RFC 1950) or gzip (RFC 1952) without being inflated
    again. Frames are not kept: a worker holds one at a time. Both sums are 0 for a Fragment with a defect.
    """
    _check(level=1, threads=threads)
    _announce()
    return _core.inflate_checksums(fragments, frame_nbytes, threads)


def _check(*, level: int, threads: int) -> None:
    if not 1 <= level <= _MAX_LEVEL:
        raise ValueError(f"level must be 1 (fastest) to {_MAX_LEVEL} (smallest), not {level}")
    if threads < 0:
        raise ValueError(f"threads must be 0 (all cores) or more, not {threads}")


def _announce() -> None:
    global _unannounced  # noqa: PLW0603  (once a process, wherever it is first noticed)
    if _unannounced:
        _unannounced = False
        warnings.warn(
            "framedeflate runs without its C++ core: segmentation frames are deflated 20 to 30 times slower, "
            f"inflated 2 to 20 times slower, and 10 % larger than with it. To get it, {_HOW_TO_GET_IT}",
            RuntimeWarning,
            stacklevel=3,
        )


def deflate_photographic(frames: "Buffer", frame_nbytes: int, level: int, threads: int) -> list[bytes]:
    """As `deflate_frames`, by libdeflate whatever the Frames look like."""
    import deflate

    view = memoryview(frames).cast("B")

    def stream(start: int) -> bytes:
        frame = view[start : start + frame_nbytes]
        deflated = bytes(deflate.deflate_compress(frame, level + _LIBDEFLATE_ABOVE))
        stored_nbytes = frame_nbytes + 5 * -(-frame_nbytes // _STORED_BLOCK_NBYTES)
        return deflated if len(deflated) <= stored_nbytes else _stored(frame)

    starts = range(0, len(view), frame_nbytes)
    workers = min(threads or os.cpu_count() or 1, os.cpu_count() or 1, len(starts))
    if workers == 1:
        return [stream(start) for start in starts]
    # libdeflate runs without the GIL.
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(stream, starts))


def _stored(frame: memoryview) -> bytes:
    """Return a stream of stored blocks (RFC 1951 3.2.4)."""
    stream = bytearray()
    for start in range(0, len(frame), _STORED_BLOCK_NBYTES):
        block = frame[start : start + _STORED_BLOCK_NBYTES]
        final = start + len(block) == len(frame)
        stream += (
            bytes([final])
            + len(block).to_bytes(2, "little")
            + (len(block) ^ 0xFFFF).to_bytes(2, "little")
            + block
        )
    return bytes(stream)
