# SPDX-License-Identifier: Apache-2.0
"""Nested encapsulated Pixel Data, such as an Icon Image's (PS3.3 C.7.6.1.1.6), made native inside its Data Set."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from framedeflate.data_set.element import ElementReader
from framedeflate.data_set.rewriter import DataSetRewriter, EncapsulatedImage, NativeImage
from framedeflate.errors import EncapsulationError, FrameDecodeError, ImagePixelError, UnsupportedImageError
from framedeflate.foreign.frames import EncodedImage, ForeignDecoder
from framedeflate.frame_codec import decode_frame
from framedeflate.image_pixel import ImagePixel
from framedeflate.native_pixels import native_vr

__all__ = ["check_icons", "decode_icons", "inflate_icons"]

MAX_ICONS_NBYTES: Final = 1 << 26
"""All nested images of a Data Set together, once native: 64 MiB, where an icon has some kilobytes."""

_PIXEL_DATA_TAG: Final = b"\xe0\x7f\x10\x00"
_SHORT_ATTRIBUTES: Final = {
    "rows": 0x00280010,
    "columns": 0x00280011,
    "bits_allocated": 0x00280100,
    "bits_stored": 0x00280101,
    "samples_per_pixel": 0x00280002,
    "pixel_representation": 0x00280103,
    "planar_configuration": 0x00280006,
}


def inflate_icons(head: bytes, *, position: int = 0) -> bytes:
    """Make nested deflated Pixel Data native.

    Parameters
    ----------
    head : bytes
        The Data Set before its top-level Pixel Data, in Explicit VR Little Endian.
    position : int
        Where it starts in its file; for errors alone.

    Returns
    -------
    bytes
        The same Data Elements, nested Pixel Data of undefined length now native, OB up to 8 Bits Allocated, else OW;
        lengths around it recomputed, group lengths left out. `head` itself where there is none.

    Raises
    ------
    FrameDecodeError, EncapsulationError, UnsupportedImageError
        The icon cannot be inflated to the size that its own attributes state.
    DicomFormatError
        The Data Set cannot be walked.
    """
    budget = _Budget()

    def inflate(image: EncapsulatedImage) -> NativeImage:
        return _inflate(image, budget)

    return _rewrite(head, inflate, position)


def check_icons(
    head: bytes, *, implicit_vr: bool = False, position: int = 0
) -> list[tuple[int, FrameDecodeError | EncapsulationError | UnsupportedImageError]]:
    """Inflate nested deflated Pixel Data, one at a time, and return the position and error of each that fails.

    Parameters
    ----------
    head, position
        As `inflate_icons`.
    implicit_vr : bool
        Whether `head` is in Implicit VR.

    Raises
    ------
    DicomFormatError
        The Data Set cannot be walked.
    """
    budget = _Budget()
    found: list[tuple[int, FrameDecodeError | EncapsulationError | UnsupportedImageError]] = []

    def inflate(image: EncapsulatedImage) -> NativeImage:
        try:
            _inflate(image, budget)
        except (FrameDecodeError, EncapsulationError, UnsupportedImageError) as error:
            found.append((image.position, error))
        # The walk's result is not wanted, so neither are the pixels in it.
        return NativeImage(b"OB", b"", {})

    reader = ElementReader(head, implicit_vr=implicit_vr, big_endian=False, position=position)
    DataSetRewriter(reader, decode_image=inflate).rewrite()
    return found


def _inflate(image: EncapsulatedImage, budget: "_Budget") -> NativeImage:
    fragment = _only_frame(image)
    try:
        image_pixel = ImagePixel(**asdict(_attributes(image)))
    except ImagePixelError as error:
        raise UnsupportedImageError(f"in an Icon Image: {error}", kind="image-pixel") from error
    budget.spend(image_pixel)
    return _native(decode_frame(fragment, image_pixel), image_pixel, {})


def decode_icons(head: bytes, transfer_syntax_uid: str, *, position: int = 0) -> bytes:
    """Decode nested Pixel Data in a foreign Transfer Syntax, as `inflate_icons` does for deflated ones.

    Raises
    ------
    MissingExtraError
        The extra ``codecs`` has the decoder.
    FrameDecodeError, EncapsulationError, UnsupportedImageError
        The icon cannot be decoded.
    DicomFormatError
        The Data Set cannot be walked.
    """
    budget = _Budget()

    def decode(image: EncapsulatedImage) -> NativeImage:
        frame = _only_frame(image)
        decoder = ForeignDecoder(transfer_syntax_uid, _attributes(image), frame)
        budget.spend(decoder.image_pixel)
        # Lossy Image Compression is an attribute of the image around the icon (C.7.6.1.1.5), so it is not added here.
        changes = decoder.attribute_changes(lossy_image_compression="00", encoded_nbytes=len(frame))
        return _native(decoder.decode(frame, frame_number=1), decoder.image_pixel, changes)

    return _rewrite(head, decode, position)


class _Budget:
    """Counts what nested images hold, before each is decoded: their number and size belong to the file's writer."""

    def __init__(self) -> None:
        self._nbytes = 0

    def spend(self, image_pixel: ImagePixel) -> None:
        self._nbytes += image_pixel.frame_nbytes
        if self._nbytes > MAX_ICONS_NBYTES:
            raise UnsupportedImageError(
                f"the Icon Images would hold more than {MAX_ICONS_NBYTES} bytes together", kind="too-large"
            )


def _rewrite(head: bytes, decode: Callable[[EncapsulatedImage], NativeImage], position: int) -> bytes:
    # Nearly no Data Set has such an icon, and the tag's bytes are a cheap sign of one.
    if _PIXEL_DATA_TAG not in head:
        return head
    found = False

    def noted(image: EncapsulatedImage) -> NativeImage:
        nonlocal found
        found = True
        return decode(image)

    reader = ElementReader(head, implicit_vr=False, big_endian=False, position=position)
    rewritten = DataSetRewriter(reader, decode_image=noted).rewrite()
    return rewritten if found else head


def _only_frame(image: EncapsulatedImage) -> bytes:
    """Return the codestream of an icon: it has one Frame, so all Fragments are that Frame's."""
    if len(image.items) < 2:
        raise EncapsulationError(
            "the encapsulated Pixel Data of an Icon Image holds no Fragment",
            kind="fragment-count",
            position=image.position,
        )
    return b"".join(image.items[1:])


def _attributes(image: EncapsulatedImage) -> EncodedImage:
    values = {name: image.attributes.get(tag, b"") for name, tag in _SHORT_ATTRIBUTES.items()}
    numbers: dict[str, Any] = {
        name: int.from_bytes(value[:2], "little") for name, value in values.items() if len(value) >= 2
    }
    missing = [name for name in ("rows", "columns", "bits_allocated") if name not in numbers]
    if missing:
        raise UnsupportedImageError(f"an Icon Image lacks {', '.join(missing)}", kind="image-pixel")
    photometric = image.attributes.get(0x00280004, b"").decode("latin-1").strip(" \0")
    return EncodedImage(**numbers, photometric_interpretation=photometric)


def _native(frame: bytes, image_pixel: ImagePixel, changes: dict[int, tuple[bytes, bytes]]) -> NativeImage:
    value = frame + b"\0" * (len(frame) & 1)
    return NativeImage(native_vr(image_pixel).encode("ascii"), value, changes)
