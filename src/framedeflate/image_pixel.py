# SPDX-License-Identifier: Apache-2.0
"""The Image Pixel description (PS3.3 C.7.6.3), and the only place that computes the size of a Frame."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from operator import index
from typing import Final

from framedeflate.errors import ImagePixelError

__all__ = ["NATIVE_PHOTOMETRIC_INTERPRETATIONS", "ImagePixel", "samples_meant"]

NATIVE_PHOTOMETRIC_INTERPRETATIONS: Final = frozenset(
    {"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422"}
)
"""What native bytes may be; the others belong to one compression each (PS3.5 8.2)."""


def samples_meant(photometric_interpretation: str) -> int:
    """Return the Samples per Pixel that a Photometric Interpretation means: 3 for RGB and YBR, else 1 (C.7.6.3.1.2)."""
    return 3 if photometric_interpretation.startswith(("RGB", "YBR")) else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePixel:
    """What the Image Pixel attributes say about every Frame of an image.

    Attributes
    ----------
    rows, columns : int
        Size of a Frame in pixels, each 1 to 65535.
    bits_allocated : int
        1, or a multiple of 8 up to 64 (PS3.5 8.1.1).
    number_of_frames : int
        At least 1; 1 where the attribute is absent.
    samples_per_pixel : int
        1 or 3 (C.7.6.3.1.1).
    photometric_interpretation : str
        Only YBR_FULL_422 changes a size: two pixels share their CB and CR (C.7.6.3.1.2). Empty means the first
        that fits: MONOCHROME2 or RGB.
    planar_configuration : int
        0: colour-by-pixel, 1: colour-by-plane; without meaning for one sample per pixel (C.7.6.3.1.3).
    bits_stored : int
        Used bits of a sample; 0 means all. Bits above it are kept as they are (PS3.5 8.1.1).
    pixel_representation : int
        0: unsigned, 1: two's complement.

    Raises
    ------
    ImagePixelError
        Naming every attribute that is out of range, not only the first.
    """

    rows: int
    columns: int
    bits_allocated: int
    number_of_frames: int = 1
    samples_per_pixel: int = 1
    photometric_interpretation: str = ""
    planar_configuration: int = 0
    bits_stored: int = 0
    pixel_representation: int = 0
    frame_nbits: int = field(init=False, repr=False)
    """Bits of a Frame in native Pixel Data, where 1-bit Frames follow one another without a gap (PS3.5 8.2)."""

    def __post_init__(self) -> None:
        self._require_whole_numbers()
        if not self.photometric_interpretation:
            object.__setattr__(
                self, "photometric_interpretation", "RGB" if self.samples_per_pixel == 3 else "MONOCHROME2"
            )
        if not self.bits_stored:
            object.__setattr__(self, "bits_stored", self.bits_allocated)
        problems = list(self._problems())
        if problems:
            raise ImagePixelError(problems)
        # YBR_FULL_422 keeps two luminance samples and one of each chrominance for every two pixels.
        samples = 2 if self.is_subsampled else self.samples_per_pixel
        object.__setattr__(self, "frame_nbits", self.rows * self.columns * samples * self.bits_allocated)

    def _require_whole_numbers(self) -> None:
        """Make every number a plain int: numpy's would overflow silently, and 2.5 rows have no size."""
        problems = []
        for item in fields(self):
            if item.init and item.name != "photometric_interpretation":
                try:
                    object.__setattr__(self, item.name, index(getattr(self, item.name)))
                except TypeError:
                    problems.append(f"{item.name} is not a whole number")
        if problems:
            raise ImagePixelError(problems)

    def _problems(self) -> Iterator[str]:
        for name, value, low, high in (
            ("Rows", self.rows, 1, 0xFFFF),
            ("Columns", self.columns, 1, 0xFFFF),
            ("Number of Frames", self.number_of_frames, 1, 2**31 - 1),
            ("Planar Configuration", self.planar_configuration, 0, 1),
            ("Pixel Representation", self.pixel_representation, 0, 1),
        ):
            if not low <= value <= high:
                yield f"{name} is {value}, not {low} to {high}"
        if self.samples_per_pixel not in (1, 3):
            yield f"Samples per Pixel is {self.samples_per_pixel}, not 1 or 3"
        if self.bits_allocated != 1 and self.bits_allocated not in range(8, 65, 8):
            yield f"Bits Allocated is {self.bits_allocated}, not 1 or a multiple of 8 up to 64"
        elif not 1 <= self.bits_stored <= self.bits_allocated:
            yield f"Bits Stored is {self.bits_stored}, not 1 to Bits Allocated ({self.bits_allocated})"
        if self.is_subsampled and (
            self.samples_per_pixel != 3 or self.planar_configuration or self.columns % 2
        ):
            # C.7.6.3.1.2: the order is Y1 Y2 CB CR for each pair of pixels, so nothing else has a meaning.
            yield "YBR_FULL_422 needs 3 Samples per Pixel, Planar Configuration 0 and even Columns"

    @property
    def is_subsampled(self) -> bool:
        """Whether two pixels share their chrominance samples."""
        return self.photometric_interpretation == "YBR_FULL_422"

    @property
    def is_bilevel(self) -> bool:
        """Whether a sample is one bit."""
        return self.bits_allocated == 1

    @property
    def frame_nbytes(self) -> int:
        """Bytes of a Frame that stands by itself: 1-bit Frames are filled up to a byte (PS3.5 A.4.13, 8.2)."""
        return (self.frame_nbits + 7) // 8

    @property
    def native_nbytes(self) -> int:
        """Bytes of native Pixel Data: all Frames without a gap, the even pad not counted (PS3.5 8.1.1, 8.2)."""
        return (self.number_of_frames * self.frame_nbits + 7) // 8

    @property
    def row_nbits(self) -> int:
        """Bits from a sample to the one a row below it: the distance at which Frames repeat themselves."""
        if self.planar_configuration == 1:
            return self.columns * self.bits_allocated
        return self.frame_nbits // self.rows

    @property
    def sample_nbytes(self) -> int:
        """Bytes of a sample of 8 bits or more; 0 for 1-bit Frames, whose samples share bytes."""
        return self.bits_allocated // 8

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of a Frame as an array: (rows, columns), or (rows, columns, samples) for colour."""
        if self.samples_per_pixel == 1:
            return (self.rows, self.columns)
        return (self.rows, self.columns, self.samples_per_pixel)
