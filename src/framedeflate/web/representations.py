# SPDX-License-Identifier: Apache-2.0
"""What can be sent of a stored instance: PS3.18 Tables 8.7.3-2, 8.7.3-4, 8.7.3-5 (with Supplement 244) and 10.4.4-1."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from framedeflate.transfer_syntax import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    NATIVE,
    RLE_LOSSLESS,
)

__all__ = [
    "COMPRESSED_BULKDATA",
    "MAX_VALUE_NBYTES",
    "Category",
    "Making",
    "Representation",
    "StoredInstance",
    "Target",
    "category_of",
    "representations",
]

MAX_VALUE_NBYTES: Final = 0xFFFFFFFE
"""The longest native Pixel Data: a length of 32 bits, even, that is not the undefined one (PS3.5 7.1)."""

_JPEG: Final = "1.2.840.10008.1.2.4."

_STILL_ROWS: Final = {
    "image/jpeg": {_JPEG + "70": True, _JPEG + "50": False, _JPEG + "51": False, _JPEG + "57": False},
    "application/x-deflate": {DEFLATED_IMAGE_FRAME_COMPRESSION: True},
    "image/dicom-rle": {RLE_LOSSLESS: True},
    "image/jls": {_JPEG + "80": True, _JPEG + "81": False},
    "image/jp2": {_JPEG + "90": True, _JPEG + "91": False},
    "image/jpx": {_JPEG + "92": True, _JPEG + "93": False},
    "image/jphc": {_JPEG + "201": True, _JPEG + "202": False, _JPEG + "203": False},
}
_MPEG4: Final = ("102", "102.1", "103", "103.1", "104", "104.1", "105", "105.1", "106", "106.1")
_VIDEO_ROWS: Final = {
    "video/mpeg": {_JPEG + last: last == "101" for last in ("100", "100.1", "101", "101.1")},
    "video/mp4": {_JPEG + last: last.startswith("102") for last in _MPEG4},
    "video/h265": {_JPEG + "107": True, _JPEG + "108": False},
    "application/x-deflate": {DEFLATED_IMAGE_FRAME_COMPRESSION: True},
}
_VIDEO_STREAMS: Final = frozenset(
    uid for name, uids in _VIDEO_ROWS.items() if name.startswith("video/") for uid in uids
)


class Category(Enum):
    """Resource Category of an instance (PS3.18 8.7.2)."""

    SINGLE_FRAME = "Single Frame Image"
    MULTI_FRAME = "Multi-frame Image"
    VIDEO = "Video"
    TEXT = "Text"
    OTHER = "Other"


COMPRESSED_BULKDATA: Final[dict[Category, dict[str, dict[str, bool]]]] = {
    Category.SINGLE_FRAME: _STILL_ROWS,
    Category.MULTI_FRAME: _STILL_ROWS,
    Category.VIDEO: _VIDEO_ROWS,
    Category.TEXT: {},
    Category.OTHER: {},
}
"""Table 8.7.3-5: Transfer Syntaxes of each media type, and whether it is what the type means when none is named.

Of video/mp4 the table has two such, which differ in their Fragments and not in their streams.
"""


class Target(Enum):
    """What a request is for (PS3.18 10.4.1.1).

    FRAME is a list of one frame number, FRAMES one of several. PIXEL_DATA is the bulkdata of Pixel Data as a whole,
    BULKDATA that of another attribute. RENDERED is one Frame, RENDERED_FRAMES several.
    """

    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"
    FRAME = "frame"
    FRAMES = "frames"
    PIXEL_DATA = "pixel data"
    BULKDATA = "bulkdata"
    METADATA = "metadata"
    RENDERED = "rendered"
    RENDERED_FRAMES = "rendered frames"
    THUMBNAIL = "thumbnail"


class Making(Enum):
    """How the bytes come about."""

    STORED = "stored"
    """As they lie in the file: the file itself, the stream of each Fragment up to its true end, native bytes."""
    WRAPPED = "wrapped"
    """The stored stream within zlib's or gzip's container, as a content coding; nothing is inflated."""
    INFLATED = "inflated"
    """Frames inflated; for an instance, the Data Set written anew around them."""
    INFLATED_DATA_SET = "inflated data set"
    """The Data Set of 1.2.840.10008.1.2.1.99 inflated whole."""
    CUT = "cut"
    """Native Frames of one bit a pixel that begin within a byte of the stored value."""
    REENCODED = "re-encoded"
    """From Implicit VR Little Endian or Explicit VR Big Endian, which the web does not use (8.7.3)."""
    DECODED = "decoded"
    """By another codec: RLE, JPEG, ..."""
    RENDERED = "rendered"
    DESCRIBED = "described"
    """Metadata, written from the stored Data Set."""


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """What the answer depends on.

    Attributes
    ----------
    category : Category
    transfer_syntax_uid : str
        As the File Meta Information has it.
    frame_nbits : int
        Bits of a Frame, all samples together, 0 without Pixel Data.
    number_of_frames : int
        0 without Pixel Data.
    decodable : bool
        Whether Frames in another compression can be decoded here; the native and deflated ones always can.
    """

    category: Category
    transfer_syntax_uid: str
    frame_nbits: int = 0
    number_of_frames: int = 0
    decodable: bool = False

    @property
    def native_nbytes(self) -> int:
        """Bytes of native Pixel Data: Frames joined bit by bit (PS3.5 8.2), an even number."""
        nbytes = -(-self.frame_nbits * self.number_of_frames // 8)
        return nbytes + nbytes % 2

    @property
    def is_video_stream(self) -> bool:
        """Whether the Frames are one stream of video, out of which none can be taken."""
        return self.transfer_syntax_uid in _VIDEO_STREAMS


@dataclass(frozen=True, slots=True)
class Representation:
    """One thing that can be sent.

    Attributes
    ----------
    media_type : str
        Of the payload or of each part.
    transfer_syntax_uid : str or None
        Which its parameter says; None for types that have none.
    making : Making
    default : bool
        Whether it is what the media type means when no Transfer Syntax is named (8.7.3).
    single, multipart : bool
        Whether it can be a whole payload, and whether it can be in parts.
    part_per_frame : bool
        Whether each Frame is a part of its own (8.7.3.3.2).
    """

    media_type: str
    transfer_syntax_uid: str | None
    making: Making
    default: bool = True
    single: bool = True
    multipart: bool = True
    part_per_frame: bool = False


def category_of(transfer_syntax_uid: str, number_of_frames: int, *, text: bool = False) -> Category:
    """Return the Resource Category of an instance (8.7.2) as far as its encoding tells it.

    Parameters
    ----------
    transfer_syntax_uid : str
    number_of_frames : int
        0 without Pixel Data.
    text : bool
        Whether it is a report (SR Document Content); nothing in this package depends on it.
    """
    if transfer_syntax_uid in _VIDEO_STREAMS:
        return Category.VIDEO
    if number_of_frames == 0:
        return Category.TEXT if text else Category.OTHER
    return Category.SINGLE_FRAME if number_of_frames == 1 else Category.MULTI_FRAME


def representations(
    target: Target, stored: StoredInstance, *, rendered: tuple[str, ...], metadata_xml: bool
) -> tuple[Representation, ...]:
    """Return all that can be sent of `target`, the default of its category first (Table 10.4.4-1).

    Parameters
    ----------
    target : Target
    stored : StoredInstance
    rendered : tuple of str
        Rendered media types that can be made, the default first.
    metadata_xml : bool
        Whether metadata can be written as Native DICOM Model.
    """
    match target:
        case Target.METADATA:
            # One array for any number of instances, never in parts (Table 10.4.4-1 note 1, F.2.1).
            json = Representation("application/dicom+json", None, Making.DESCRIBED, multipart=False)
            xml = Representation("application/dicom+xml", None, Making.DESCRIBED, single=False)
            return (json, xml) if metadata_xml else (json,)
        case Target.RENDERED | Target.RENDERED_FRAMES | Target.THUMBNAIL:
            single = target is not Target.RENDERED_FRAMES
            if stored.number_of_frames == 0 or _of_pixel_data(stored) is None:
                return ()
            return tuple(Representation(name, None, Making.RENDERED, single=single) for name in rendered)
        case Target.BULKDATA:
            # Attributes other than Pixel Data have no compressed form of their own.
            return (
                Representation("application/octet-stream", EXPLICIT_VR_LITTLE_ENDIAN, _of_values(stored)),
            )
        case Target.STUDY | Target.SERIES | Target.INSTANCE:
            return (*_files(stored, single=target is Target.INSTANCE), *_pixels(stored, target))
        case _:
            return _pixels(stored, target)


def _files(stored: StoredInstance, *, single: bool) -> tuple[Representation, ...]:
    """Return the ways to send a PS3.10 file (8.7.3.1, Table 8.7.3-2)."""
    uid = stored.transfer_syntax_uid
    making = _of_instance(stored)
    explicit = (
        ()
        # 8.7.8.1 note 1: native Pixel Data that no value field can hold.
        if making is None or stored.native_nbytes > MAX_VALUE_NBYTES
        else (Representation("application/dicom", EXPLICIT_VR_LITTLE_ENDIAN, making, single=single),)
    )
    # 8.7.3: never on the web. 1.2.840.10008.1.2.1.99: no row of Table 8.7.3-2; it is inflated (8.7.3.3.2 note).
    if uid in {*NATIVE, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN}:
        return explicit
    # Where the default cannot be had, what is stored stands for it, labelled: 8.7.3.4 lets an origin server send
    # another Transfer Syntax to those who named none.
    as_stored = Representation("application/dicom", uid, Making.STORED, default=not explicit, single=single)
    return (*explicit, as_stored)


def _pixels(stored: StoredInstance, target: Target) -> tuple[Representation, ...]:
    """Return the ways to send Frames, or Pixel Data as bulkdata (8.7.3.3, Tables 8.7.3-4 and 8.7.3-5)."""
    frames = target in {Target.FRAME, Target.FRAMES}
    # A stream of video has no Frames that could be told apart without decoding it.
    if frames and (stored.is_video_stream or stored.number_of_frames == 0):
        return ()
    one = target is Target.FRAME or (target is Target.PIXEL_DATA and stored.number_of_frames == 1)
    found = []
    making = _of_frames(stored) if frames or one else _of_pixel_data(stored)
    if making is not None:
        found.append(
            Representation(
                "application/octet-stream",
                EXPLICIT_VR_LITTLE_ENDIAN,
                making,
                single=one or target is Target.PIXEL_DATA,  # all Frames joined are one item, too
                part_per_frame=frames,
            )
        )
    for name, uids in COMPRESSED_BULKDATA[stored.category].items():
        if stored.transfer_syntax_uid in uids:
            stream = stored.is_video_stream
            found.append(
                Representation(
                    name,
                    stored.transfer_syntax_uid,
                    Making.STORED,
                    default=uids[stored.transfer_syntax_uid],
                    single=one or (stream and target is Target.PIXEL_DATA),
                    part_per_frame=not stream,
                )
            )
    return tuple(found)


def _of_instance(stored: StoredInstance) -> Making | None:
    """Return how a file in Explicit VR Little Endian comes about; None where it cannot."""
    match stored.transfer_syntax_uid:
        case uid if uid == EXPLICIT_VR_LITTLE_ENDIAN:
            return Making.STORED
        case uid if uid in {IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN}:
            return Making.REENCODED
        case uid if uid != DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN and stored.number_of_frames == 0:
            return Making.REENCODED  # nothing in it is compressed, only its label is another
        case _:
            return _of_pixel_data(stored)


def _of_pixel_data(stored: StoredInstance) -> Making | None:
    """Return how all native Frames, joined, come about."""
    match stored.transfer_syntax_uid:
        case uid if uid in {EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN}:
            return Making.STORED
        case uid if uid == EXPLICIT_VR_BIG_ENDIAN:
            return Making.REENCODED
        case uid if uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
            return Making.INFLATED_DATA_SET
        case uid if uid == DEFLATED_IMAGE_FRAME_COMPRESSION:
            return Making.INFLATED
        case uid if uid == ENCAPSULATED_UNCOMPRESSED:
            return Making.DECODED
        case _:
            return Making.DECODED if stored.decodable else None


def _of_frames(stored: StoredInstance) -> Making | None:
    """Return how native Frames, each beginning at a byte of its own, come about."""
    making = _of_pixel_data(stored)
    if making is Making.STORED and stored.frame_nbits % 8 and stored.number_of_frames > 1:
        return Making.CUT
    return making


def _of_values(stored: StoredInstance) -> Making:
    """Return how the value of an attribute other than Pixel Data comes about."""
    if stored.transfer_syntax_uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
        return Making.INFLATED_DATA_SET
    return Making.REENCODED if stored.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN else Making.STORED
