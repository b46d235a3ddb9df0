# SPDX-License-Identifier: Apache-2.0
"""An image whose colours are converted on the way: only ever by name, since rounding loses (PS3.5 8.2.2 note)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from framedeflate.colour import convert_colour, converted_image_pixel
from framedeflate.data_set.element import replace_elements
from framedeflate.data_set.layout import DataSetLayout, Tag
from framedeflate.image_pixel import ImagePixel
from framedeflate.stored_frames import StoredFrames

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "ColourSpace",
    "ConvertedFrames",
    "conversion_description",
    "converted_head",
    "derived_image_type",
]

ColourSpace: TypeAlias = Literal["RGB", "YBR_FULL"]

_MAX_ST_LENGTH: Final = 1024


@dataclass(slots=True)
class ConvertedFrames:
    """Frames of another source in the wanted colour space, Planar Configuration 0.

    Attributes
    ----------
    frames : StoredFrames
        The source's.
    to : {"RGB", "YBR_FULL"}
        The colour space wanted.
    """

    frames: StoredFrames
    to: ColourSpace
    image_pixel: ImagePixel = field(init=False)
    index: None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.image_pixel = converted_image_pixel(self.frames.image_pixel, self.to)

    @property
    def is_shareable(self) -> bool:
        """Whether several threads may read at once: as the source's."""
        return self.frames.is_shareable

    def read(self, index: int, count: int, *, memory: bytearray | None = None) -> "Buffer":
        """Return `count` Frames from `index` (from 0) on, in one piece."""
        source = self.frames.image_pixel
        native = memoryview(self.frames.read(index, count, memory=memory)).cast("B")
        return b"".join(
            convert_colour(native[start : start + source.frame_nbytes], source, self.to)
            for start in range(0, len(native), source.frame_nbytes)
        )


def converted_head(
    head: bytes, layout: DataSetLayout, image_pixel: ImagePixel, sop_instance_uid: str
) -> bytes:
    """Return the Data Set before Pixel Data as it is true of converted Frames.

    Pixels that differ make another instance (PS3.3 C.7.6.1.1.2), which is derived and says from what. An earlier
    Derivation Description is kept before ours.
    """
    # Latin-1 gives every byte back, whatever the Specific Character Set is.
    image_type, earlier = (
        layout.values.get(tag, b"").rstrip(b"\0 ").decode("latin-1")
        for tag in (Tag.IMAGE_TYPE, Tag.DERIVATION_DESCRIPTION)
    )
    image_types = derived_image_type(image_type.split("\\"))
    description = conversion_description(earlier, image_pixel)
    changes = {
        Tag.IMAGE_TYPE: (b"CS", "\\".join(image_types).encode("latin-1")),
        Tag.SOP_INSTANCE_UID: (b"UI", sop_instance_uid.encode("ascii")),
        Tag.PHOTOMETRIC_INTERPRETATION: (b"CS", image_pixel.photometric_interpretation.encode("ascii")),
        Tag.PLANAR_CONFIGURATION: (b"US", b"\0\0"),
        Tag.DERIVATION_DESCRIPTION: (b"ST", description.encode("latin-1")),
    }
    return replace_elements(head, changes, position=layout.position)


def derived_image_type(image_type: Sequence[str]) -> list[str]:
    """Return the values of Image Type as they are of a derived image (PS3.3 C.7.6.1.1.2)."""
    rest = image_type[1:]
    return ["DERIVED", *(rest if any(rest) else ["PRIMARY"])]


def conversion_description(earlier: str, image_pixel: ImagePixel) -> str:
    """Return the Derivation Description of converted Frames, behind an earlier one.

    An ST holds 1024 characters (PS3.5 6.2): where both do not fit, what happened here is said.
    """
    said = f"Colour space converted to {image_pixel.photometric_interpretation}"
    both = f"{earlier}; {said}" if earlier else said
    return both if len(both) <= _MAX_ST_LENGTH else said
