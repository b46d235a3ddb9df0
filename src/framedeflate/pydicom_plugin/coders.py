# SPDX-License-Identifier: Apache-2.0
"""Puts the plugin into pydicom's Encoder and Decoder of this Transfer Syntax; pydicom 3.0 has none, so it gets them."""

from collections.abc import Iterator
from typing import Any, Final

from pydicom.pixels.common import CoderBase
from pydicom.pixels.decoders import base as decoders
from pydicom.pixels.encoders import base as encoders
from pydicom.pixels.encoders.base import Encoder, EncodeRunner
from pydicom.uid import UID

from framedeflate.frame_codec import DEFAULT_LEVEL, encode_frame
from framedeflate.pydicom_plugin.coding import LABEL, image_pixel_of, native_frame
from framedeflate.pydicom_plugin.whole_arrays import assemble_at_once
from framedeflate.transfer_syntax import DEFLATED_IMAGE_FRAME_COMPRESSION

__all__ = ["add_coders"]

_CODING: Final = "framedeflate.pydicom_plugin.coding"
_PYDICOMS_OWN: Final = "pydicom"


def add_coders() -> None:
    """Make ours the first plugins of the Encoder and the Decoder; nothing where they are there already."""
    uid = UID(DEFLATED_IMAGE_FRAME_COMPRESSION)
    if uid not in encoders._PIXEL_DATA_ENCODERS:
        encoders._PIXEL_DATA_ENCODERS[uid] = (FrameEncoder(uid), "framedeflate")
    if uid not in decoders._PIXEL_DATA_DECODERS:
        decoders._PIXEL_DATA_DECODERS[uid] = (decoders.Decoder(uid), "framedeflate")
    encoder, decoder = encoders.get_encoder(uid), decoders.get_decoder(uid)
    _put_first(encoder, (_CODING, "encode"), ("pydicom.pixels.encoders.native", "_encode_deflated_frame"))
    _put_first(decoder, (_CODING, "decode"), ("framedeflate.pydicom_plugin.bounded_pydicom", "decode"))
    assemble_at_once(decoder)


def _put_first(coder: CoderBase, ours: tuple[str, str], pydicoms: tuple[str, str]) -> None:
    plugins = coder.available_plugins
    if LABEL in plugins:
        return
    # Plugins are tried in the order in which they were added.
    if _PYDICOMS_OWN in plugins:
        coder.remove_plugin(_PYDICOMS_OWN)
    coder.add_plugin(LABEL, ours)
    if _PYDICOMS_OWN in plugins:
        coder.add_plugin(_PYDICOMS_OWN, pydicoms)


class FrameEncoder(Encoder):
    """An Encoder for pydicom 3.0, whose own cannot cut 1-bit Frames and does not tell a plugin which Frame it has."""

    def encode(self, src: Any, *, index: int | None = None, validate: bool = True, **kwargs: Any) -> bytes:
        """Return one Frame deflated; parameters as pydicom's."""
        runner = self._runner(src, kwargs, validate=validate)
        if index is None and runner.number_of_frames > 1:
            raise ValueError("'index' is required: there is more than one Frame")
        return self._frame(runner, index or 0)

    def iter_encode(self, src: Any, *, validate: bool = True, **kwargs: Any) -> Iterator[bytes]:
        """Yield each Frame deflated; parameters as pydicom's."""
        runner = self._runner(src, kwargs, validate=validate)
        for index in range(runner.number_of_frames):
            yield self._frame(runner, index)

    def _runner(self, src: Any, options: dict[str, Any], *, validate: bool) -> EncodeRunner:
        plugin = options.pop("encoding_plugin", "")
        runner = EncodeRunner(self.UID)
        runner.set_source(src)
        runner.set_options(**options)
        self._validate_plugins(plugin)
        if validate and not (image_pixel_of(runner).is_bilevel and not runner.is_array):
            # pydicom 3.0 counts a byte for each pixel of 1-bit Frames.
            runner.validate()
        return runner

    @staticmethod
    def _frame(runner: EncodeRunner, index: int) -> bytes:
        image_pixel = image_pixel_of(runner)
        level = runner.get_option("level", DEFAULT_LEVEL)
        return encode_frame(native_frame(runner, image_pixel, index), image_pixel, level=level)
