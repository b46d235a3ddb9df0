# SPDX-License-Identifier: Apache-2.0
"""PNG and GIF as native Frames: no Transfer Syntax is for either (PS3.18 Table 10.5.2-1, "Transform")."""

from io import BytesIO
from typing import Any, Final

import numpy as np

from framedeflate.byte_source import ByteSource, read_exactly
from framedeflate.errors import InstanceError, MissingExtraError
from framedeflate.web.ingest.bulk_parts import BulkPart
from framedeflate.web.ingest.stream_headers import StreamFacts

__all__ = ["PICTURE_TYPES", "decode_pictures"]

PICTURE_TYPES: Final = {"image/png": "PNG", "image/gif": "GIF"}

_MAX_PICTURE_NBYTES: Final = 64 << 20
_MAX_NATIVE_NBYTES: Final = 256 << 20
"""They are held in memory: larger images come better in a form that is stored as it is."""

_SIXTEEN_BITS: Final = 16


def decode_pictures(name: str, parts: list[BulkPart], source: ByteSource) -> tuple[StreamFacts, list[bytes]]:
    """Return native Frames and what describes them; transparency is left out (10.5.2 notes 4 and 5).

    A palette becomes RGB, grey stays grey, a GIF's frames are all drawn (notes 1 and 3).

    Raises
    ------
    InstanceError
        kind ``image-pixel``; ``too-large``: more than 64 MiB of a picture, or 256 MiB of pixels.
    MissingExtraError
        Pillow is not installed.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise MissingExtraError(extra="web", feature="storing PNG and GIF") from error

    described: set[StreamFacts] = set()
    frames: list[bytes] = []
    left_nbytes = _MAX_NATIVE_NBYTES
    for part in parts:
        if part.stop - part.start > _MAX_PICTURE_NBYTES:
            raise InstanceError("a picture has more bytes than are decoded here", kind="too-large")
        data = read_exactly(source, part.start, part.stop)
        try:
            with Image.open(BytesIO(data), formats=[PICTURE_TYPES[name]]) as picture:
                count = getattr(picture, "n_frames", 1) if name == "image/gif" else 1
                left_nbytes -= picture.width * picture.height * 3 * count
                if left_nbytes < 0:
                    # Before a pixel of it is decoded.
                    raise InstanceError(
                        "the pictures have more pixels than are decoded here", kind="too-large"
                    )
                mode, kind = _as_stored(picture, data, is_gif=name == "image/gif")
                described.add(_facts(picture, mode))
                for index in range(count):
                    picture.seek(index)
                    frames.append(np.asarray(picture.convert(mode), kind).tobytes())
        except Image.DecompressionBombError as error:
            raise InstanceError(
                "a picture has more pixels than are decoded here", kind="too-large"
            ) from error
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
            if isinstance(error, InstanceError):
                raise
            raise InstanceError("a picture cannot be decoded", kind="image-pixel") from error
    if len(described) > 1:
        raise InstanceError("the Frames of one image differ in size or kind", kind="image-pixel")
    return described.pop(), frames


def _as_stored(picture: Any, data: bytes, *, is_gif: bool) -> tuple[str, str]:
    """Return the mode to convert to, and numpy's type of its samples."""
    if not is_gif and data[24] == _SIXTEEN_BITS:
        # Of the sixteen bits of a colour, Pillow keeps eight.
        if data[25] != 0:
            raise InstanceError(
                "a PNG of 16 bits is stored if it is grey; this one is not", kind="image-pixel"
            )
        return "I", "<u2"
    return ("L", "u1") if picture.mode in {"1", "L", "LA"} and not is_gif else ("RGB", "u1")


def _facts(picture: Any, mode: str) -> StreamFacts:
    return StreamFacts(
        rows=picture.height,
        columns=picture.width,
        samples_per_pixel=3 if mode == "RGB" else 1,
        bits_stored=_SIXTEEN_BITS if mode == "I" else 8,
        photometric_interpretation="RGB" if mode == "RGB" else "MONOCHROME2",
        transfer_syntaxes=(),
    )
