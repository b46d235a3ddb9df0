# SPDX-License-Identifier: Apache-2.0
"""The C++ core. ``_reference`` offers the same functions; ``engine`` chooses between the two.

Buffers are contiguous; those named ``out`` and ``into`` are writable. A size that does not fit, or a number out of
range, is a ValueError before anything is read or written. Both engines release the GIL where they work on pixels.
Bits are counted from the least significant of a byte (PS3.5 8.1.1, Annex D).
"""

from collections.abc import Sequence, Set

from typing_extensions import Buffer

def deflate_frames(
    frames: Buffer, frame_nbytes: int, row_nbits: int, level: int, threads: int
) -> list[bytes]:
    """Deflate each `frame_nbytes` of `frames` into a raw stream (RFC 1951) of its own, without a pad byte.

    `row_nbits` is the distance at which a Frame resembles itself, one row; any value is correct. `level` is 1
    (fastest) to 9 (smallest). `threads` 0 means all cores.
    """

def deflate_items(
    frames: Buffer, frame_nbytes: int, row_nbits: int, level: int, threads: int, *, expected: Buffer | None
) -> tuple[bytes, list[int], int | None]:
    """Deflate Frames into Items as they stand in a file, each proven by inflating it; else as `deflate_frames`.

    Photographic Frames are left out. `expected` is what the streams must inflate to, as large as `frames` and
    usually the same object; None asks for no proof.

    Returns
    -------
    items : bytes
        The Items one behind the other: header (FFFE,E000), stream, and a NULL where its length is odd (PS3.5 A.4).
    stream_nbytes : list of int
        One a Frame: size of its stream, neither header nor pad counted; 0 where it was left out. Above 2^32-2 the
        header is wrong: no Item can hold such a stream.
    mismatch : int or None
        The first Frame that its stream does not give back; `items` and `stream_nbytes` may then end anywhere.
    """

def photographic_frames(frames: Buffer, frame_nbytes: int, row_nbits: int, level: int = 1) -> bytes:
    """Return one byte a Frame: 1 where a general encoder serves it better than `deflate_frames`."""

def inflate_frames(
    fragments: Sequence[Buffer], frame_nbytes: int, out: Buffer, threads: int
) -> tuple[bytes, list[int], list[int]]:
    """Inflate each raw stream into its `frame_nbytes` of `out`, which holds just that for each of them.

    Returns
    -------
    defects : bytes
        One a Fragment: 0 none; 1 bad data: a pattern no encoder writes; 2 short output: the final block ended before
        the Frame was full; 3 excess output: the stream goes on beyond it; 4 not terminated: the Fragment ends before
        the final block does. The Frame of a Fragment with a defect is all zero.
    consumed : list of int
        Bytes of each Fragment up to and with the last bit of its stream; where there is a defect, roughly up to it.
    produced : list of int
        Bytes inflated; where there is a defect other than short output, at most as many as are sure.
    """

def inflate_pixels(
    fragments: Sequence[Buffer],
    frame_nbytes: int,
    unpacked_nbits: int,
    out: Buffer,
    *,
    zeroed: bool,
    threads: int,
) -> tuple[bytes, list[int], list[int]]:
    """Inflate each raw stream to its pixels; returns what `inflate_frames` does.

    With `unpacked_nbits` 0 the pixels are the native bytes; else a Frame has that many bits, and each becomes a byte 0
    or 1 of `out`. Where `out` is `zeroed`, only what is not zero is written, so that pages of memory which no pixel
    needs are never touched. The pixels of a Fragment with a defect are zero.
    """

def inflate_checksums(
    fragments: Sequence[Buffer], frame_nbytes: int, threads: int
) -> tuple[bytes, list[int], list[int], list[int], list[int]]:
    """Inflate each raw stream and keep no more than its Frame's Adler-32 (RFC 1950) and CRC-32 (RFC 1952).

    Returns what `inflate_frames` does, then both as lists; they are 0 for a Fragment with a defect. A worker holds one
    Frame at a time.
    """

def first_mismatch(streams: Sequence[Buffer], frame_nbytes: int, frames: Buffer, threads: int) -> int | None:
    """Return the index of the first stream that does not inflate, to its last byte, to its part of `frames`."""

def cut_bits(source: Buffer, first_bit: int, frame_nbits: int, nframes: int) -> bytes:
    """Cut Frames of `frame_nbits` bits that lie one behind the other from `first_bit` of `source` on.

    Each gets ceil(frame_nbits / 8) bytes of its own, unused bits zero.
    """

def join_bits(frames: Buffer, frame_nbits: int, nframes: int, first_bit: int, into: Buffer) -> None:
    """Lay Frames that each start at a byte one behind the other, from `first_bit` of `into` on.

    Bits before it are kept, those behind the last Frame in its last byte are zeroed, bytes after it are left alone.
    """

def unpack_bits(frames: Buffer, frame_nbits: int, nframes: int, out: Buffer) -> None:
    """Write one byte, 0 or 1, a pixel of Frames that each start at a byte."""

def pack_bits(pixels: Buffer, frame_nbits: int, nframes: int) -> bytes:
    """Return Frames that each start at a byte from one byte a pixel, of which any but 0 is a 1."""

def scan_items(window: Buffer, start: int) -> tuple[list[int], list[int], int, int]:
    """Walk the Items (FFFE,E000) of encapsulated Pixel Data that begin in `window` from byte `start` on (PS3.5 A.4).

    Returns
    -------
    value_positions, value_nbytes : list of int
        Of each Item whose header lies in the window, wherever its value ends; from the start of the window.
    resume : int
        See `status`; may lie beyond the window, as values are skipped.
    status : int
        0: go on with a window that holds `resume`. 1: the Sequence Delimitation Item was found, `resume` lies behind
        it. 2: at `resume` there is another tag, or an Item of undefined length.
    """

def read_item_values(
    window: Buffer,
    *,
    paths: Sequence[tuple[int, int, int]],
    max_items: int,
    implicit_vr: bool,
    big_endian: bool,
    delimited: bool,
    last: bool,
) -> tuple[bytes, bytes, int, str, int]:
    """Read some values of each Item of a sequence (PS3.5 7.5); all else is walked over, whatever it is nested in.

    Parameters
    ----------
    window : Buffer
        From the start of an Item on.
    paths : sequence of (int, int, int)
        Which values: the tag of a sequence in the Item, or 0 for the Item itself; the tag of an element in the first
        Item of that; and the size of its words, 1 for text.
    max_items : int
        More Items than this are a defect.
    implicit_vr, big_endian : bool
        How the Items are encoded.
    delimited : bool
        The sequence has an undefined length: it ends at its delimitation Item, else where the last window ends.
    last : bool
        Nothing of the sequence lies behind the window.

    Returns
    -------
    values : bytes
        The values one behind the other, Item by Item, in the order of `paths`; words in Little Endian.
    value_nbytes : bytes
        Their sizes as 16-bit numbers in the machine's order; -1 where there is no such value, or it is a sequence.
    resume : int
        First byte of `window` that was not read: of the first Item that the window does not hold whole.
    status : str
        ``more``: go on with a window that starts at `resume` | ``done`` | ``bad-structure`` | ``too-deep``: more than
        64 Sequences within each other, this one included | ``truncated`` | ``long-value``: a wanted value of more than
        1024 bytes | ``many-items``.
    defect_position : int
        Where in `window` the header lies that is wrong, or -1.
    """

class ElementScan:
    """A walk over the Data Element headers of one Data Set (PS3.5 7), window by window; values are skipped.

    Parameters
    ----------
    start, stop : int
        Positions of the Data Set's first byte and of its end.
    implicit_vr, big_endian : bool
        Its encoding.
    wanted : set of int
        Tags (``0x7FE00010``) of which a record is kept: of the first of each at the top level.
    descend : bool
        Go into Sequences of defined length too, and record nested Pixel Data of undefined length, at most 64 of them.
        Those of Implicit VR cannot be told from other values, and are skipped.

    Attributes
    ----------
    resume : int
        Position from which the next window is needed. May be far ahead.
    status : str
        ``more`` | ``done``: `stop` was reached | ``pixel-data``: Pixel Data of undefined length at the top level, with
        its first Item at `resume` | ``bad-structure`` | ``too-deep``: more than 64 Sequences within each other |
        ``truncated``: something reaches beyond `stop`. All but the first are final.
    defect_position : int
        Position of the header that is wrong, or -1.
    records : list of tuple
        ``(tag, vr, header_position, value_position, value_nbytes, depth)``: `vr` is two bytes, or none where the header
        has no VR; `value_nbytes` is -1 for undefined length; `depth` counts the Sequences around the element.
    items : int
        Items met so far of the last top-level Sequence that was walked into.
    """

    def __init__(
        self, *, start: int, stop: int, implicit_vr: bool, big_endian: bool, wanted: Set[int], descend: bool
    ) -> None: ...
    @property
    def resume(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def defect_position(self) -> int: ...
    @property
    def records(self) -> list[tuple[int, bytes, int, int, int, int]]: ...
    @property
    def items(self) -> int: ...
    def feed(self, window: Buffer, position: int) -> None:
        """Go on at `resume` as far as `window`, whose first byte lies at `position`, reaches.

        Give it 12 bytes from `resume` on, or what there is up to `stop`, to get any further.
        """
