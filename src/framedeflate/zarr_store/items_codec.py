# SPDX-License-Identifier: Apache-2.0
"""Many Frames a chunk: the Items of encapsulated Pixel Data as they stand in the file."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from framedeflate import engine
from framedeflate.array import decode_frames, encode_frames
from framedeflate.encapsulation import join_items
from framedeflate.errors import EncapsulationError
from framedeflate.extras import needing
from framedeflate.frame_codec import DEFAULT_LEVEL
from framedeflate.image_pixel import ImagePixel
from framedeflate.zarr_store.codec_settings import DEFLATED_ITEMS, configuration

with needing("zarr", "reading a file as a Zarr array"):
    from zarr.abc.codec import ArrayBytesCodec

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.core.array_spec import ArraySpec

__all__ = ["DeflatedItems"]


@dataclass(frozen=True)
class DeflatedItems(ArrayBytesCodec):
    """A run of Items (FFFE,E000), each of which holds a Frame as a raw DEFLATE stream (PS3.5 A.4, A.4.13).

    For chunks of shape (frames, rows, columns) or (frames, rows, columns, 3), of bool or integers. One request and one
    call of the core then serve many Frames.

    Parameters
    ----------
    planar_configuration : int
        1 where Frames are stored colour by plane.
    last_chunk_frames : int, optional
        How many Items the last chunk has, where that is not full: the rest of it is zero.
    level : int
        For writing: 1 (fastest) to 9 (smallest).

    Raises
    ------
    ValueError
        A number is out of range.
    """

    planar_configuration: int = 0
    last_chunk_frames: int | None = None
    level: int = DEFAULT_LEVEL
    is_fixed_size: ClassVar[bool] = False  # type: ignore[misc]  # zarr declares it for each object

    def __post_init__(self) -> None:
        if self.planar_configuration not in (0, 1):
            raise ValueError("planar_configuration must be 0 or 1")
        if self.last_chunk_frames is not None and self.last_chunk_frames < 1:
            raise ValueError("last_chunk_frames must be at least 1")
        if self.level not in range(1, 10):
            raise ValueError("level must be 1 to 9")

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the codec that an array's metadata describe."""
        return cls(
            **configuration(data, DEFLATED_ITEMS, {"planar_configuration", "last_chunk_frames", "level"})
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what an array's metadata say of this codec."""
        settings: dict[str, Any] = {"planar_configuration": self.planar_configuration, "level": self.level}
        if self.last_chunk_frames is not None:
            settings["last_chunk_frames"] = self.last_chunk_frames
        return {"name": DEFLATED_ITEMS, "configuration": settings}

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:  # noqa: ARG002
        """Refuse arrays that are no Frames."""
        if len(shape) not in (3, 4) or dtype.to_native_dtype().kind not in "biu":
            raise ValueError(f"{DEFLATED_ITEMS} is for (frames, rows, columns[, 3]) of bool or integers")

    def compute_encoded_size(self, _input_byte_length: int, _chunk_spec: "ArraySpec") -> int:
        """Streams have any size."""
        raise NotImplementedError

    def _image_pixel(self, spec: "ArraySpec") -> ImagePixel:
        dtype = spec.dtype.to_native_dtype()
        return ImagePixel(
            rows=spec.shape[1],
            columns=spec.shape[2],
            samples_per_pixel=spec.shape[3] if len(spec.shape) == 4 else 1,
            bits_allocated=1 if dtype == np.bool_ else 8 * dtype.itemsize,
            planar_configuration=self.planar_configuration,
            pixel_representation=int(dtype.kind == "i"),
        )

    def _decode_sync(self, chunk_data: "Buffer", chunk_spec: "ArraySpec") -> "NDBuffer":
        items = chunk_data.to_bytes()
        values, lengths, end, _status = engine.scan_items(items, 0)
        whole = chunk_spec.shape[0]
        last = whole if self.last_chunk_frames is None else min(whole, self.last_chunk_frames)
        if len(values) not in {whole, last} or end != len(items):
            raise EncapsulationError(
                f"a chunk of {len(items)} bytes is not the Items of {whole} Frames",
                kind="bad-item",
                position=end,
            )
        view = memoryview(items)
        fragments = [view[at : at + nbytes] for at, nbytes in zip(values, lengths, strict=True)]
        frames = decode_frames(fragments, self._image_pixel(chunk_spec))
        if len(frames) < whole:
            full = np.zeros(chunk_spec.shape, frames.dtype)
            full[: len(frames)] = frames
            frames = full
        return chunk_spec.prototype.nd_buffer.from_numpy_array(frames)

    def _encode_sync(self, chunk_data: "NDBuffer", chunk_spec: "ArraySpec") -> "Buffer":
        frames = np.asarray(chunk_data.as_numpy_array())
        fragments = encode_frames(frames, self._image_pixel(chunk_spec), level=self.level)
        return chunk_spec.prototype.buffer.from_bytes(join_items(fragments))

    async def _decode_single(self, chunk_data: "Buffer", chunk_spec: "ArraySpec") -> "NDBuffer":
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)

    async def _encode_single(self, chunk_data: "NDBuffer", chunk_spec: "ArraySpec") -> "Buffer":
        return await asyncio.to_thread(self._encode_sync, chunk_data, chunk_spec)
