# SPDX-License-Identifier: Apache-2.0
"""What of an instance goes into which part of a multipart payload (PS3.18 8.6.1.2, 10.4.3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from framedeflate.web.media_type import MediaType
from framedeflate.web.multipart_writer import BodyPart
from framedeflate.web.negotiation import Part
from framedeflate.web.payloads.body import Body
from framedeflate.web.payloads.frames import frame_body
from framedeflate.web.payloads.instance_file import instance_file
from framedeflate.web.payloads.pixel_data import pixel_data_body
from framedeflate.web.payloads.stored_object import StoredObject
from framedeflate.web.representations import Target

__all__ = ["PIXEL_DATA_PATH", "Item", "items_of", "location_of"]

PIXEL_DATA_PATH = "/bulkdata/7FE00010"
"""Of Pixel Data, below the instance; metadata names it as BulkDataURI."""


@dataclass(frozen=True, slots=True)
class Item:
    """What is a whole payload, or one part.

    Attributes
    ----------
    media_type : MediaType
    body : Body
    location : str
        Its URL.
    """

    media_type: MediaType
    body: Body
    location: str

    def part(self) -> BodyPart:
        """Return it as a part."""
        nbytes = self.body.nbytes
        return BodyPart(self.media_type, nbytes, self.body.pieces(0, nbytes), self.location)


def items_of(
    stored: StoredObject,
    target: Target,
    part: Part,
    *,
    url: str,
    coding: str | None = None,
    frame_numbers: Sequence[int] = (),
) -> Iterator[Item]:
    """Yield what answers for one instance, each made when its turn comes.

    Parameters
    ----------
    stored : StoredObject
    target : Target
    part : Part
        What negotiation chose for it.
    url : str
        Of the instance.
    coding : str, optional
        Content coding of the answer.
    frame_numbers : sequence of int
        For FRAME and FRAMES; from 1, checked before.
    """
    if part.media_type.name == "application/dicom":
        yield Item(part.media_type, instance_file(stored, part.making), location_of(target, part, url))
        return
    if _is_by_frame(target, part):
        numbers = frame_numbers or range(1, stored.instance.stored.number_of_frames + 1)
        for number in numbers:
            body = frame_body(stored, part.making, number - 1, coding)
            yield Item(part.media_type, body, location_of(target, part, url, number))
        return
    body = pixel_data_body(stored, part.making, coding)
    yield Item(part.media_type, body, location_of(target, part, url))


def location_of(target: Target, part: Part, url: str, frame_number: int = 1) -> str:
    """Return the URL of an item: of an instance, of one of its Frames, or of its Pixel Data.

    Parameters
    ----------
    target, part, url
        As `items_of`.
    frame_number : int
        From 1; of items that are Frames.
    """
    if part.media_type.name == "application/dicom":
        return url
    return f"{url}/frames/{frame_number}" if _is_by_frame(target, part) else url + PIXEL_DATA_PATH


def _is_by_frame(target: Target, part: Part) -> bool:
    return part.part_per_frame or target in {Target.FRAME, Target.FRAMES}
