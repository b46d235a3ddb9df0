# SPDX-License-Identifier: Apache-2.0
"""Has pydicom's Decoder inflate all Frames of an array at once, into the array itself, where it asks for all of them.

Its own way is a loop: each Frame is decoded into memory of its own, unpacked into other memory, and copied. A single
Frame, the Frames of an iteration, excess Frames, and whatever is broken go that way still, and so are told in
pydicom's words.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import Decoder

from framedeflate.array import decode_pixels, pixels_to_array
from framedeflate.errors import EncapsulationError, FrameDeflateError
from framedeflate.pydicom_plugin.coding import LABEL, image_pixel_of, tell_full_chrominance

if TYPE_CHECKING:
    import numpy as np
    from pydicom.pixels.decoders.base import DecodeRunner

__all__ = ["assemble_at_once"]

_Assemble: TypeAlias = "Callable[[DecodeRunner, int | None], np.ndarray[Any, Any]]"

_NAME = "_as_array_encapsulated"


def assemble_at_once(decoder: Decoder) -> None:
    """Put this way of making arrays before that of one Decoder; nothing where that was done."""
    if _NAME not in vars(decoder):
        setattr(decoder, _NAME, _before(getattr(decoder, _NAME)))


def _before(pydicoms: _Assemble) -> _Assemble:
    def as_array(runner: "DecodeRunner", index: int | None) -> "np.ndarray[Any, Any]":
        if index is None and next(iter(runner._decoders)) == LABEL:
            fragments = _fragments(runner)
            if not runner.get_option("allow_excess_frames", False):
                del fragments[runner.number_of_frames :]
            if len(fragments) < runner.number_of_frames:
                # pydicom's own loop would let a StopIteration out, which ends a caller's loop in silence.
                raise EncapsulationError(
                    f"Pixel Data holds {len(fragments)} Frames where Number of Frames says {runner.number_of_frames}",
                    kind="fragment-count",
                    position=0,
                )
            # Excess Frames pydicom returns too, with a warning.
            if len(fragments) == runner.number_of_frames:
                with suppress(FrameDeflateError):
                    return _decode_all(fragments, runner)
        return pydicoms(runner, index)

    return as_array


def _fragments(runner: "DecodeRunner") -> list[bytes]:
    source = cast("Any", runner.src)  # bytes, or a file object that stands at Pixel Data
    position = source.tell() if runner.is_binary else 0
    try:
        return list(
            generate_frames(
                source,
                number_of_frames=runner.number_of_frames,
                extended_offsets=runner.extended_offsets,
            )
        )
    finally:
        if runner.is_binary:
            source.seek(position)


def _decode_all(fragments: list[bytes], runner: Any) -> "np.ndarray[Any, Any]":
    """Return what pydicom's own way does, and leave the runner as that does: 3.0 and 3.1 differ in both."""
    image_pixel = image_pixel_of(runner)
    pixels = decode_pixels(fragments, image_pixel)
    if image_pixel.is_subsampled:
        flat = pixels_to_array(pixels, image_pixel).reshape(-1)
    else:
        flat = pixels.view(runner.pixel_dtype)
    if not hasattr(runner, "_frame_set_options"):
        # pydicom 3.0 shapes the array itself.
        if image_pixel.is_subsampled:
            tell_full_chrominance(runner)
        return flat
    for index in range(len(fragments)):
        runner._frame_set_options(index)
        if image_pixel.is_bilevel:
            # Pixels come a byte each.
            runner.set_frame_option(index, "bits_allocated", 8)
        if image_pixel.is_subsampled:
            runner.set_frame_option(index, "photometric_interpretation", "YBR_FULL")
    shaped: np.ndarray[Any, Any] = runner.reshape(flat, None)
    return shaped
