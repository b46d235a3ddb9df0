# SPDX-License-Identifier: Apache-2.0
"""A digest of all native Frames of an image: the same before and after, whatever the Transfer Syntax."""

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from framedeflate.image_pixel import ImagePixel
from framedeflate.stored_frames import batches
from framedeflate.transcode.image_source import open_image_source

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["DigestedFrames", "digest_each_frame", "digest_frames"]

_RUN_NBYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class DigestedFrames:
    """What `digest_frames` found.

    Attributes
    ----------
    digest : str
        64 hexadecimal digits.
    number_of_frames : int
        How many Frames went into it.
    """

    digest: str
    number_of_frames: int


def digest_frames(
    path: str | os.PathLike[str], *, strict: bool = True, folder: Path | None = None
) -> DigestedFrames:
    """Return the digest of an image's native Frames, in whatever Transfer Syntax they are stored.

    Each Frame is taken by itself, little endian, as `ImagePixel.frame_nbytes` bytes; one of 1 bit begins with a byte
    of its own, and bits behind its last pixel are zero. The digest is the SHA-256 of the Frames' SHA-256 values (32
    bytes each), joined in the Frames' order. So Frames can be digested at the same time, and no two images whose
    bytes are cut into Frames differently have the same digest. Frames that are compressed with loss are digested as
    they decode.

    Parameters
    ----------
    path : path-like
        A DICOM file.
    strict : bool
        As `decode_frame`.
    folder : Path, optional
        As `open_image_source`.

    Raises
    ------
    FrameDeflateError, OSError
        As `compress_file` for a source.
    """
    digests = sha256()
    with open_image_source(Path(path), strict=strict, folder=folder) as image:
        frames, image_pixel = image.frames, image.image_pixel
        memory = bytearray(max(_RUN_NBYTES, image_pixel.frame_nbytes))
        for index, count in batches(image_pixel, batch_nbytes=_RUN_NBYTES):
            digests.update(digest_each_frame(frames.read(index, count, memory=memory), image_pixel))
        return DigestedFrames(digests.hexdigest(), image_pixel.number_of_frames)


def digest_each_frame(native: "Buffer", image_pixel: ImagePixel) -> bytes:
    """Return the SHA-256 of each Frame of some that lie one behind the other, joined."""
    view, step = memoryview(native).cast("B"), image_pixel.frame_nbytes
    return b"".join(sha256(view[at : at + step]).digest() for at in range(0, len(view), step))
