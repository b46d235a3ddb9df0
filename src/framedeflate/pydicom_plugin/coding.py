# SPDX-License-Identifier: Apache-2.0
"""The two functions that pydicom's Encoder and Decoder call for a Frame; the module is a plugin to both.

What pydicom hands to an encoding plugin is cut down to Bits Stored (a Frame of 16 Bits Allocated and 8 Stored comes
with one byte a sample), and an array's Frames come colour-by-pixel whatever Planar Configuration says. Deflate carries
native bytes as they are, so they are taken from the runner's own source instead.

pydicom 3.1 keeps options for each Frame; 3.0 has none, and takes 1-bit Frames with a byte for each pixel alone.
"""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydicom.uid import UID

from framedeflate import engine
from framedeflate.array import array_to_frames, pixels_to_array
from framedeflate.errors import FrameEncodeError
from framedeflate.fragment_inflation import check_expansion, inflate_frames, inflate_pixels
from framedeflate.frame_codec import DEFAULT_LEVEL, decode_frame, encode_frame
from framedeflate.image_pixel import ImagePixel
from framedeflate.native_pixels import cut_frames, native_range
from framedeflate.pixel_memory import pixels_nbytes
from framedeflate.transfer_syntax import DEFLATED_IMAGE_FRAME_COMPRESSION

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner
    from pydicom.pixels.encoders.base import EncodeRunner

__all__ = [
    "DECODER_DEPENDENCIES",
    "ENCODER_DEPENDENCIES",
    "LABEL",
    "decode",
    "encode",
    "image_pixel_of",
    "is_available",
    "native_frame",
    "tell_full_chrominance",
]

LABEL: Final = "framedeflate"
"""Name of our plugins, as ``encoding_plugin=`` and ``decoding_plugin=`` take it."""

_UID = UID(DEFLATED_IMAGE_FRAME_COMPRESSION)
ENCODER_DEPENDENCIES: dict[UID, tuple[str, ...]] = {_UID: ()}
DECODER_DEPENDENCIES: dict[UID, tuple[str, ...]] = {_UID: ()}

_IMAGE_PIXEL: Final = "framedeflate_image_pixel"
"""Option of a runner that holds what its source says of every Frame.

It is asked for each, and decoding changes what pydicom's own options say.
"""


def is_available(uid: str) -> bool:
    """Tell pydicom that this plugin needs nothing else."""
    return uid == _UID


def encode(src: bytes, runner: "EncodeRunner") -> bytes:
    """Deflate one Frame (pydicom's contract of an encoding plugin)."""
    image_pixel = image_pixel_of(runner)
    level = runner.get_option("level", DEFAULT_LEVEL)
    index = getattr(runner, "index", None)
    native = src if index is None else native_frame(runner, image_pixel, index)
    _tell(runner, "encoding_plugin", LABEL)
    if image_pixel.is_bilevel:
        _tell(runner, "bits_allocated", 1)
    return encode_frame(native, image_pixel, level=level)


def native_frame(runner: "EncodeRunner", image_pixel: ImagePixel, index: int) -> bytes:
    """Return the native bytes of the Frame at `index` of what a runner encodes."""
    source: Any = runner.src
    if runner.is_array:
        return _native_frame_of_array(source, image_pixel, index)
    if image_pixel.is_bilevel and not runner.is_dataset and len(source) >= _pixel_count(image_pixel):
        # A buffer with a byte for each pixel, as pydicom's users may pass.
        pixels = memoryview(source)[index * image_pixel.frame_nbits : (index + 1) * image_pixel.frame_nbits]
        return bytes(engine.pack_bits(pixels, image_pixel.frame_nbits, 1))
    part = native_range(image_pixel, index, 1)
    data = bytes(memoryview(source)[part.start : part.stop])
    if len(data) != part.stop - part.start:
        raise FrameEncodeError("Pixel Data ends before this Frame does", frame_number=index + 1)
    return bytes(cut_frames(data, image_pixel, first_bit=part.first_bit, count=1))


def _native_frame_of_array(array: "np.ndarray[Any, Any]", image_pixel: ImagePixel, index: int) -> bytes:
    frame = array if array.shape == image_pixel.frame_shape else array[index]
    if not image_pixel.is_bilevel:
        # pydicom accepts any integer that holds Bits Stored; Frames have Bits Allocated.
        frame = frame.astype(f"<{frame.dtype.kind}{image_pixel.sample_nbytes}", copy=False)
    return bytes(array_to_frames(frame[None], image_pixel))


def _pixel_count(image_pixel: ImagePixel) -> int:
    return image_pixel.frame_nbits * image_pixel.number_of_frames


def decode(src: bytes, runner: "DecodeRunner") -> bytes | bytearray:
    """Inflate one Frame to exactly its size (pydicom's contract of a decoding plugin)."""
    image_pixel = image_pixel_of(runner)
    _tell(runner, "decoding_plugin", LABEL)
    if image_pixel.is_subsampled:
        tell_full_chrominance(runner)
        return pixels_to_array(decode_frame(src, image_pixel), image_pixel).tobytes()
    check_expansion(len(src), image_pixel)
    # pydicom 3.0 takes a byte for each pixel; 3.1 unpacks, and says so in what it tells of the array.
    if image_pixel.is_bilevel and not _tell(runner, "bits_allocated", 1):
        pixels = bytearray(pixels_nbytes(image_pixel))
        inflate_pixels([src], image_pixel, pixels, zeroed=True)
        return pixels
    frame = bytearray(image_pixel.frame_nbytes)
    inflate_frames([src], image_pixel, frame)
    return frame


def tell_full_chrominance(runner: Any) -> None:
    """Say that decoded Frames have three samples a pixel, as pydicom expects."""
    if not _tell(runner, "photometric_interpretation", "YBR_FULL"):
        runner.set_option("photometric_interpretation", "YBR_FULL")


def _tell(runner: Any, name: str, value: str | int) -> bool:
    """Set an option of the current Frame, and tell whether this pydicom has such."""
    if not hasattr(runner, "set_frame_option"):
        return False
    runner.set_frame_option(runner.index, name, value)
    return True


def image_pixel_of(runner: "DecodeRunner | EncodeRunner") -> ImagePixel:
    """Return what a runner's options say about every Frame.

    Raises
    ------
    ImagePixelError
        They are out of range.
    """
    described: ImagePixel | None = runner.get_option(_IMAGE_PIXEL)
    if described is None:
        described = ImagePixel(
            rows=runner.rows,
            columns=runner.columns,
            bits_allocated=runner.bits_allocated,
            bits_stored=runner.bits_stored,
            number_of_frames=runner.number_of_frames,
            samples_per_pixel=runner.samples_per_pixel,
            photometric_interpretation=str(runner.photometric_interpretation),
            planar_configuration=runner.planar_configuration if runner.samples_per_pixel > 1 else 0,
            pixel_representation=runner.pixel_representation,
        )
        runner.set_option(_IMAGE_PIXEL, described)
    return described
