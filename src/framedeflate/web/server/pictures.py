# SPDX-License-Identifier: Apache-2.0
"""Frames of stored instances as encoded pictures."""

from typing import Final

import numpy as np

from framedeflate.array import frames_to_array
from framedeflate.image_pixel import ImagePixel
from framedeflate.pixel_memory import pixels_nbytes
from framedeflate.transfer_syntax import DEFLATED_IMAGE_FRAME_COMPRESSION
from framedeflate.web.index import Index, IndexedInstance
from framedeflate.web.index.cache import BoundedCache
from framedeflate.web.rendering.draw import draw
from framedeflate.web.rendering.encoding import EmptyRegionError, encode, fit
from framedeflate.web.rendering.facts import PictureFacts, read_facts
from framedeflate.web.rendering.parameters import RenderingParameters
from framedeflate.web.server.answers import RequestError
from framedeflate.web.server.contents import Contents
from framedeflate.web.server.stored_data_set import stored_data_set

__all__ = ["Pictures"]

MAX_FRAME_NBYTES: Final = 256 << 20
"""Of a Frame's pixels that are rendered, those of one bit a byte each; of a larger one tiles should be asked for."""

MAX_JPEG_SIDE: Final = 65_500
"""Rows or columns that libjpeg writes; an image may have 65 535."""

_MAX_FACTS_NBYTES: Final = 16 << 20
_FACTS_NBYTES: Final = 2048
_SEGMENTATIONS: Final = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})


class Pictures:
    """Draws Frames; all of it blocks.

    Parameters
    ----------
    index : Index
    contents : Contents
    """

    def __init__(self, index: Index, contents: Contents) -> None:
        self._index: Final = index
        self._contents: Final = contents
        self._facts = BoundedCache[PictureFacts](_MAX_FACTS_NBYTES)

    def with_frames(self, instance: IndexedInstance) -> IndexedInstance:
        """Return an instance that came in a list with its frame table.

        Raises
        ------
        RequestError
            404 ``gone``.
        """
        uids = instance.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid
        found = self._index.instance(*uids)
        if found is None:
            raise RequestError(404, "gone", "An instance was taken out of the index meanwhile.")
        return found

    def representative(self, instance: IndexedInstance) -> int:
        """Return the number of the Frame that stands for an instance: the middle one; of masks, one with much in it."""
        pixel = instance.image_pixel
        if pixel is not None and pixel.is_bilevel and instance.stored.number_of_frames > 1:
            table = self.with_frames(instance)
            if table.frames is not None and instance.transfer_syntax_uid == DEFLATED_IMAGE_FRAME_COMPRESSION:
                # A mask's stream is the longer the more edges it has, and nothing needs to be inflated to see that.
                return int(np.argmax(table.frames["stream_nbytes"])) + 1
        return (instance.stored.number_of_frames + 1) // 2

    def encoded(
        self, instance: IndexedInstance, frame_number: int, parameters: RenderingParameters, media_type: str
    ) -> tuple[bytes, int]:
        """Return one Frame as a picture, and how many native bytes were drawn.

        Parameters
        ----------
        instance : IndexedInstance
            With its frame table.
        frame_number : int
            From 1.
        parameters : RenderingParameters
        media_type : str

        Raises
        ------
        RequestError
            406 ``too-large``: the Frame, or its picture for image/jpeg; 400 ``parameter``: the viewport shows nothing.
        FrameDeflateError, OSError
            It cannot be decoded or rendered.
        """
        if instance.image_pixel is not None and pixels_nbytes(instance.image_pixel) > MAX_FRAME_NBYTES:
            raise RequestError(
                406,
                "too-large",
                f"Frames of more than {MAX_FRAME_NBYTES} bytes, or pixels of one bit, are not rendered.",
            )
        frames = self._contents.frames(instance)
        pixel = frames.image_pixel
        frame = frames_to_array(frames.read(frame_number - 1, 1), pixel)[0]
        facts = self._facts_of(instance, pixel, frame_number)
        picture = draw(frame, pixel, facts, parameters.window)
        if parameters.viewport is not None:
            is_smooth = not (pixel.is_bilevel or facts.is_label_map)
            try:
                picture = fit(picture, parameters.viewport, smooth=is_smooth)
            except EmptyRegionError as error:
                raise RequestError(400, "parameter", f"{error} (PS3.18 8.3.5.1.3).") from error
        if media_type == "image/jpeg" and max(picture.shape[:2]) > MAX_JPEG_SIDE:
            raise RequestError(
                406,
                "too-large",
                f"image/jpeg has {MAX_JPEG_SIDE} rows or columns at most; say viewport, or image/png.",
            )
        return encode(picture, media_type, quality=parameters.quality), pixel.frame_nbytes

    def _facts_of(self, instance: IndexedInstance, pixel: ImagePixel, frame_number: int) -> PictureFacts:
        alike = pixel.is_bilevel or instance.sop_class_uid in _SEGMENTATIONS
        key = (instance.etag, 0 if alike else frame_number)
        facts = self._facts.get(key)
        if facts is None:
            generation = self._facts.generation
            facts = read_facts(stored_data_set(self._contents.stored(instance)), frame_number)
            self._facts.put(key, facts, _FACTS_NBYTES + facts.tables_nbytes, generation=generation)
        return facts
