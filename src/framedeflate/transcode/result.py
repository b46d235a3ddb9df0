# SPDX-License-Identifier: Apache-2.0
"""What came of transcoding one file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from framedeflate.image_pixel import ImagePixel

__all__ = ["Progress", "TranscodeResult"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (frames done, frames in all) after every batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscodeResult:
    """What came of transcoding one file.

    Attributes
    ----------
    source, destination : Path
        The two files.
    source_transfer_syntax_uid, transfer_syntax_uid : str
        How each is encoded.
    image_pixel : ImagePixel or None
        Describes the Frames; None where a whole Data Set was deflated or inflated (PS3.5 A.5).
    number_of_frames : int
        How many were transcoded.
    native_nbytes : int
        Bytes of the Frames as native Pixel Data.
    deflated_nbytes : int
        Bytes of all Fragments, pads counted, Item headers not.
    source_nbytes, destination_nbytes : int
        Sizes of the files.
    excess_nbytes : int
        Bytes of native Pixel Data behind the last Frame that were left out.
    checked : bool
        Whether every Frame was decoded again and compared before the file was put in place.
    seconds : float
        Wall time.
    notes : tuple of str
        What a person should know of the result.
    sop_class_uid, modality : str
        As the Data Set says, "" where it does not; of images alone.
    frames_digest : str
        That of the Frames, see `digest_frames`; "" where it was not asked for.
    """

    source: Path
    destination: Path
    source_transfer_syntax_uid: str
    transfer_syntax_uid: str
    image_pixel: ImagePixel | None
    number_of_frames: int
    native_nbytes: int
    deflated_nbytes: int
    source_nbytes: int
    destination_nbytes: int
    excess_nbytes: int
    checked: bool
    seconds: float
    notes: tuple[str, ...]
    sop_class_uid: str = ""
    modality: str = ""
    frames_digest: str = ""
