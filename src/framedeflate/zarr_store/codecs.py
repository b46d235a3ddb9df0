# SPDX-License-Identifier: Apache-2.0
"""Two codecs that Zarr has not: a raw DEFLATE stream, and one bit a pixel, least significant first."""

import asyncio
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np

from framedeflate import engine
from framedeflate.errors import FrameDecodeError, FrameEncodeError
from framedeflate.extras import needing
from framedeflate.fragment_inflation import check_expansion, inflate_frames
from framedeflate.frame_codec import DEFAULT_LEVEL, pad
from framedeflate.zarr_store.codec_settings import DEFLATED_ITEMS, PACKED_BITS, RAW_DEFLATE, configuration
from framedeflate.zarr_store.items_codec import DeflatedItems

with needing("zarr", "reading a file as a Zarr array"):
    from zarr.abc.codec import ArrayBytesCodec, BytesBytesCodec
    from zarr.dtype import Bool, UInt8
    from zarr.registry import register_codec

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.core.array_spec import ArraySpec

__all__ = ["DeflatedItems", "PackedBits", "RawDeflate", "register"]

_AT_ONCE_NBYTES: Final = 1 << 17
"""Up to this many decoded bytes, handing a chunk to a thread takes longer than decoding it."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What a chunk is to the engine: a Frame of so many bytes."""

    frame_nbytes: int


@dataclass(frozen=True)
class RawDeflate(BytesBytesCodec):
    """A raw DEFLATE stream (RFC 1951), with or without the pad byte of a Fragment (PS3.5 A.4.13).

    A chunk inflates to exactly the size that Zarr's metadata give it, or raises; a stream that says otherwise
    costs neither memory nor time.

    Parameters
    ----------
    level : int
        For writing: 1 (fastest) to 9 (smallest).
    row_nbits : int, optional
        For writing: the distance in bits at which a chunk resembles itself, one row of pixels. Any value is
        correct; the right one makes the stream smaller. Without it, the chunk's last axis counts, or its last two
        where the last is short, as samples are.

    Raises
    ------
    ValueError
        A number is out of range.
    """

    level: int = DEFAULT_LEVEL
    row_nbits: int | None = None
    is_fixed_size: ClassVar[bool] = False  # type: ignore[misc]  # zarr declares it for each object

    def __post_init__(self) -> None:
        if self.level not in range(1, 10):
            raise ValueError("level must be 1 to 9")
        if self.row_nbits is not None and not 1 <= self.row_nbits < 1 << 32:
            raise ValueError("row_nbits must be 1 to 4294967295")

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the codec that an array's metadata describe."""
        return cls(**configuration(data, RAW_DEFLATE, {"level", "row_nbits"}))

    def to_dict(self) -> dict[str, Any]:
        """Return what an array's metadata say of this codec."""
        settings = {"level": self.level}
        if self.row_nbits is not None:
            settings["row_nbits"] = self.row_nbits
        return {"name": RAW_DEFLATE, "configuration": settings}

    def compute_encoded_size(self, _input_byte_length: int, _chunk_spec: "ArraySpec") -> int:
        """Streams have any size."""
        raise NotImplementedError

    def _decode_sync(self, chunk_data: "Buffer", chunk_spec: "ArraySpec") -> "Buffer":
        chunk = _Chunk(_nbytes(chunk_spec))
        stream = chunk_data.as_numpy_array()
        check_expansion(stream.nbytes, chunk)
        out = np.empty(chunk.frame_nbytes, np.uint8)
        inflate_frames([stream], chunk, out)
        return chunk_spec.prototype.buffer.from_bytes(out.data)

    def _encode_sync(self, chunk_data: "Buffer", chunk_spec: "ArraySpec") -> "Buffer":
        native = chunk_data.as_numpy_array()
        row_nbits = self.row_nbits or _row_nbits(chunk_spec)
        (stream,) = engine.deflate_frames(native, native.nbytes, row_nbits, self.level, 1)
        return chunk_spec.prototype.buffer.from_bytes(pad(stream))

    async def _decode_single(self, chunk_data: "Buffer", chunk_spec: "ArraySpec") -> "Buffer":
        if _nbytes(chunk_spec) <= _AT_ONCE_NBYTES:
            return self._decode_sync(chunk_data, chunk_spec)
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)

    async def _encode_single(self, chunk_data: "Buffer", chunk_spec: "ArraySpec") -> "Buffer":
        return await asyncio.to_thread(self._encode_sync, chunk_data, chunk_spec)


@dataclass(frozen=True)
class PackedBits(ArrayBytesCodec):
    """One bit a pixel, the first in the least significant bit of a byte, without a gap inside a chunk (PS3.5 8.1.1).

    For arrays of bool. Zarr's own "packbits" begins with the most significant bit.

    Parameters
    ----------
    last_chunk_nbits : int, optional
        How many bits the last chunk holds, where the data end before it is full: the rest of it is False. Every
        other chunk must be whole.

    Raises
    ------
    ValueError
        `last_chunk_nbits` is less than 1.
    """

    last_chunk_nbits: int | None = None
    is_fixed_size: ClassVar[bool] = True  # type: ignore[misc]  # zarr declares it for each object

    def __post_init__(self) -> None:
        if self.last_chunk_nbits is not None and self.last_chunk_nbits < 1:
            raise ValueError("last_chunk_nbits must be at least 1")

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the codec that an array's metadata describe."""
        return cls(**configuration(data, PACKED_BITS, {"last_chunk_nbits"}))

    def to_dict(self) -> dict[str, Any]:
        """Return what an array's metadata say of this codec."""
        if self.last_chunk_nbits is None:
            return {"name": PACKED_BITS}
        return {"name": PACKED_BITS, "configuration": {"last_chunk_nbits": self.last_chunk_nbits}}

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:  # noqa: ARG002
        """Refuse other arrays than those of bool."""
        if not isinstance(dtype, Bool):
            raise ValueError(f"{PACKED_BITS} is for arrays of bool")  # noqa: TRY004 - Zarr's convention

    def resolve_metadata(self, chunk_spec: "ArraySpec") -> "ArraySpec":
        """Return what the next codec is given: bytes, in rows where each has a whole number of them."""
        *outer, last = chunk_spec.shape or (1,)
        shape = (*outer, last // 8) if last % 8 == 0 else (_packed_nbytes(math.prod(chunk_spec.shape)),)
        return replace(chunk_spec, shape=shape, dtype=UInt8(), fill_value=0)

    def compute_encoded_size(self, _input_byte_length: int, chunk_spec: "ArraySpec") -> int:
        """Return the bytes of a chunk."""
        return _packed_nbytes(math.prod(chunk_spec.shape))

    def _decode_sync(self, chunk_data: "Buffer", chunk_spec: "ArraySpec") -> "NDBuffer":
        packed = chunk_data.as_numpy_array()
        full_nbits = nbits = math.prod(chunk_spec.shape)
        if self.last_chunk_nbits is not None and packed.nbytes != _packed_nbytes(nbits):
            nbits = min(nbits, self.last_chunk_nbits)
        if packed.nbytes != _packed_nbytes(nbits):
            raise FrameDecodeError(
                f"a chunk has {packed.nbytes} bytes where {nbits} bits take {_packed_nbytes(nbits)}",
                kind="short-output" if packed.nbytes < _packed_nbytes(nbits) else "excess-output",
                expected_nbytes=_packed_nbytes(nbits),
                consumed_nbytes=packed.nbytes,
            )
        pixels = np.empty(full_nbits, np.uint8)
        engine.unpack_bits(packed, nbits, 1, pixels[:nbits])
        pixels[nbits:] = 0
        array = pixels.view(np.bool_).reshape(chunk_spec.shape)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array)

    def _encode_sync(self, chunk_data: "NDBuffer", chunk_spec: "ArraySpec") -> "Buffer":
        array = chunk_data.as_numpy_array()
        if array.dtype != np.bool_:
            raise FrameEncodeError(f"an array of {array.dtype} where bool is asked for")
        pixels = np.ascontiguousarray(array).reshape(-1)
        packed = engine.pack_bits(pixels.view(np.uint8), pixels.size, 1)
        return chunk_spec.prototype.buffer.from_bytes(packed)

    async def _decode_single(self, chunk_data: "Buffer", chunk_spec: "ArraySpec") -> "NDBuffer":
        if math.prod(chunk_spec.shape) <= 8 * _AT_ONCE_NBYTES:
            return self._decode_sync(chunk_data, chunk_spec)
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)

    async def _encode_single(self, chunk_data: "NDBuffer", chunk_spec: "ArraySpec") -> "Buffer":
        return await asyncio.to_thread(self._encode_sync, chunk_data, chunk_spec)


def register() -> None:
    """Make the codecs known to zarr in this process; as often as you like.

    Where the package is installed, zarr finds them by itself, through their entry points.
    """
    register_codec(RAW_DEFLATE, RawDeflate)
    register_codec(PACKED_BITS, PackedBits)
    register_codec(DEFLATED_ITEMS, DeflatedItems)


def _nbytes(spec: "ArraySpec") -> int:
    return math.prod(spec.shape) * spec.dtype.to_native_dtype().itemsize


def _row_nbits(spec: "ArraySpec") -> int:
    *outer, last = spec.shape or (1,)
    if last <= 4 and outer:
        last *= outer[-1]
    return max(1, 8 * last * spec.dtype.to_native_dtype().itemsize)


def _packed_nbytes(nbits: int) -> int:
    return (nbits + 7) // 8
