# SPDX-License-Identifier: Apache-2.0
"""What the index knows of an instance."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from framedeflate.image_pixel import ImagePixel
from framedeflate.web.representations import StoredInstance

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FRAME", "IndexedInstance", "NewInstance", "PixelDataPlace"]

FRAME: Final = np.dtype(
    [
        ("position", "<u8"),
        ("item_nbytes", "<u4"),
        ("stream_nbytes", "<u4"),
        ("adler32", "<u4"),
        ("crc32", "<u4"),
    ]
)
"""One Frame in its Fragment: first byte of the Item's value in the file, the Item's length, the true length of the
stream in it, and the checksums of the native Frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelDataPlace:
    """Where Pixel Data is in the file.

    Attributes
    ----------
    vr : str
        As in the file; empty in Implicit VR.
    header_position : int
        First byte of its Data Element.
    position : int
        First byte of its value: of the first Frame, or of the Basic Offset Table's Item.
    nbytes : int
        Length of the value; where it is encapsulated, all Items with their delimiter.
    is_encapsulated : bool
        Whether the value is Items.
    """

    vr: str
    header_position: int
    position: int
    nbytes: int
    is_encapsulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedInstance:
    """What a request needs to know of an instance.

    Attributes
    ----------
    study_instance_uid, series_instance_uid, sop_instance_uid, sop_class_uid : str
        Of its Data Set.
    transfer_syntax_uid : str
        Of the file.
    nbytes : int
        Size of the file.
    stored : StoredInstance
        What negotiation depends on.
    image_pixel : ImagePixel or None
        Describes the Frames; None where there is no Pixel Data, or the attributes do not describe it.
    pixel_data : PixelDataPlace or None
        None where there is none, or the Data Set is deflated as a whole.
    frames : numpy.ndarray or None
        Shape (Number of Frames,), of `FRAME`, read-only. For other compressions than deflate the stream is the Item's
        value and the checksums are 0. None where Pixel Data is native, a Frame is not one Fragment each, or the
        instance came in a list.
    etag : str
        Digest of the file, in hexadecimal: another file has another.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    nbytes: int
    stored: StoredInstance
    image_pixel: ImagePixel | None
    pixel_data: PixelDataPlace | None
    frames: "NDArray[np.void] | None"
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstance:
    """An instance to be indexed.

    Attributes
    ----------
    instance : IndexedInstance
        What requests need.
    attributes : dict
        DICOM JSON model of what searches match and return (PS3.18 F.2), in Unicode.
    mtime_ns : int
        When the file was last written, in nanoseconds: files that changed are found by it.
    """

    instance: IndexedInstance
    attributes: dict[str, Any]
    mtime_ns: int
