# SPDX-License-Identifier: Apache-2.0
"""Frames in other compressed Transfer Syntaxes (RLE, JPEG, JPEG-LS, JPEG 2000) decoded to native bytes, one by one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NoReturn

from framedeflate.colour import ybr_to_rgb
from framedeflate.errors import FrameDecodeError, ImagePixelError, UnsupportedImageError
from framedeflate.foreign.codestream import Codestream, describe_jpeg, describe_jpeg2000
from framedeflate.foreign.decoder_process import decode_frame_apart
from framedeflate.foreign.rle import check_rle, decode_rle
from framedeflate.fragment_inflation import MAX_EXPANSION
from framedeflate.image_pixel import NATIVE_PHOTOMETRIC_INTERPRETATIONS, ImagePixel
from framedeflate.pydicom_bridge import require_decoder
from framedeflate.transfer_syntax import RLE_LOSSLESS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["CHANGED_ATTRIBUTES", "EncodedImage", "ForeignDecoder", "native_image_pixel"]

_JPEG_DCT: Final = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})
_JPEG_LOSSLESS: Final = frozenset({"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"})
_JPEG_LS: Final = frozenset({"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"})
_JPEG_2000: Final = frozenset({"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"})
_HTJ2K: Final = frozenset(f"1.2.840.10008.1.2.4.{last}" for last in (201, 202, 203))

CHANGED_ATTRIBUTES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "Photometric Interpretation (0028,0004)": (
            "RGB where it was YBR_RCT or YBR_ICT, for colour in JPEG Baseline and Extended, and where the JPEG "
            "components are named R, G, B; YBR_FULL where YBR_FULL_422 was named in another syntax",
            "YBR_RCT and YBR_ICT never stand in native Pixel Data (PS3.5 8.2), and decoding undoes them. A DCT has "
            "rounded and subsampled already. Those other codestreams hold three full planes; nothing is converted "
            "where the process is lossless",
        ),
        "Planar Configuration (0028,0006)": (
            "0 for three samples, whatever the source says",
            "the decoders give colour by pixel, and 1 has no meaning in most codestreams (PS3.5 8.2)",
        ),
        "Lossy Image Compression (0028,2110), Ratio (0028,2112), Method (0028,2114)": (
            "kept; 01 with the ratio and method added where all (0028,2110) says is nothing, and the codestream is "
            "lossy beyond doubt: a DCT, JPEG-LS with an error bound above 0, the irreversible wavelet",
            "once lossy, always lossy (PS3.3 C.7.6.1.1.5): in native form the Transfer Syntax no longer tells",
        ),
        "Pixel Data (7FE0,0010), unused high bits": (
            "as they are where the codestream holds them (RLE, JPEG of more bits than Bits Stored); else filled "
            "with the sign of signed samples, with zero for unsigned ones",
            "readers of native Pixel Data that do not mask them expect so (PS3.5 8.1.1)",
        ),
    }
)
"""What differs from the source once a foreign image is native: attribute, then what becomes of it, then why.

Bits Allocated, Bits Stored, High Bit and Pixel Representation stay: what decoders return in another size or sign is
brought back to what the attributes say.
"""

_LOSSY_METHODS: Final = {
    **dict.fromkeys(_JPEG_DCT, b"ISO_10918_1"),
    **dict.fromkeys(_JPEG_LS, b"ISO_14495_1"),
    **dict.fromkeys(_JPEG_2000, b"ISO_15444_1"),
    **dict.fromkeys(_HTJ2K, b"ISO_15444_15"),
}
"""Defined Terms of Lossy Image Compression Method (C.7.6.1.1.5.1)."""

_UNSUSPECTED_NBYTES: Final = 1 << 28
"""Frames beyond 256 MiB are decoded only where their codestream is no smaller than DEFLATE's would be."""

_RLE_EXPANSION: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedImage:
    """The Image Pixel attributes of a compressed source, which need not describe native Frames.

    A JPEG may be YBR_FULL_422 with odd Columns or YBR_ICT, as no native Frame can; so this is no `ImagePixel`.

    Attributes
    ----------
    rows, columns, bits_allocated, bits_stored, samples_per_pixel, pixel_representation, number_of_frames : int
        As in `ImagePixel`.
    photometric_interpretation : str
        As the source has it.
    planar_configuration : int
        As the source has it.
    """

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int = 0
    samples_per_pixel: int = 1
    pixel_representation: int = 0
    photometric_interpretation: str = "MONOCHROME2"
    planar_configuration: int = 0
    number_of_frames: int = 1


class ForeignDecoder:
    """Decodes the Frames of one image.

    Parameters
    ----------
    transfer_syntax_uid : str
        That of the source.
    image : EncodedImage
        Its Image Pixel attributes.
    first_frame : bytes
        Codestream of the first Frame; its header settles what the decoded Frames are.

    Attributes
    ----------
    image_pixel : ImagePixel
        Describes what `decode` returns.

    Raises
    ------
    MissingExtraError
        The extra ``codecs`` has the decoder.
    UnsupportedImageError
        kind ``decoder`` (none is known) | ``photometric-interpretation`` | ``image-pixel``.
    FrameDecodeError
        kind ``bad-data``: the first codestream has no readable header, or one of another image.
    """

    def __init__(self, transfer_syntax_uid: str, image: EncodedImage, first_frame: bytes) -> None:
        self._uid = transfer_syntax_uid
        self.image_pixel = native_image_pixel(transfer_syntax_uid, image)
        self._source = image
        first = self._describe(first_frame, 1)
        if first is not None and first.has_rgb_components and self.image_pixel.samples_per_pixel == 3:
            self.image_pixel = replace(self.image_pixel, photometric_interpretation="RGB")
        self._is_lossy = first is not None and first.is_lossy

    def decode(self, frame: bytes, *, frame_number: int) -> bytes:
        """Decode one Frame.

        Parameters
        ----------
        frame : bytes
            Its Fragments joined.
        frame_number : int
            From 1, for errors.

        Returns
        -------
        bytes
            ``image_pixel.frame_nbytes`` bytes, little endian, Planar Configuration 0; 1-bit pixels packed.

        Raises
        ------
        FrameDecodeError
            kind ``bad-data`` | ``short-output``.
        """
        px = self.image_pixel
        found = self._describe(frame, frame_number)
        if self._uid == RLE_LOSSLESS:
            return decode_rle(frame, px, frame_number=frame_number)
        array, photometric = decode_frame_apart(
            self._uid,
            frame,
            self._options(found),
            shape=px.frame_shape,
            frame_nbytes=px.frame_nbytes,
            frame_number=frame_number,
        )
        if px.photometric_interpretation == "RGB" and photometric.startswith("YBR_FULL"):
            array = ybr_to_rgb(array, px.bits_stored)
        return _native_bytes(array, px)

    def _options(self, found: Codestream | None) -> dict[str, object]:
        px = self.image_pixel
        # A codestream of more bits than Bits Stored may carry an old overlay above High Bit, which is kept: decoders
        # mask by Bits Stored. One of fewer holds nothing there, and the sign is carried up.
        bits_stored = max(px.bits_stored, found.precision if found is not None else 0)
        return {
            "rows": px.rows,
            "columns": px.columns,
            "number_of_frames": 1,
            "samples_per_pixel": px.samples_per_pixel,
            "bits_allocated": px.bits_allocated,
            "bits_stored": bits_stored,
            "pixel_representation": px.pixel_representation,
            "photometric_interpretation": self._source.photometric_interpretation
            or px.photometric_interpretation,
            # What the source says of planes is not true of a codestream, and pydicom would believe it.
            "planar_configuration": 0,
            "correct_unused_bits": px.pixel_representation == 1,
        }

    def _describe(self, frame: bytes, frame_number: int) -> Codestream | None:
        """Hold a codestream's header against the attributes before a decoder allocates by it; None for RLE."""
        px = self.image_pixel
        expansion = _RLE_EXPANSION if self._uid == RLE_LOSSLESS else MAX_EXPANSION
        if px.frame_nbytes > max(_UNSUSPECTED_NBYTES, len(frame) * expansion):
            self._fail(f"{len(frame)} bytes announce {px.frame_nbytes}, which is not believed", frame_number)
        if self._uid in _JPEG_DCT | _JPEG_LOSSLESS | _JPEG_LS:
            found = describe_jpeg(frame)
        elif self._uid in _JPEG_2000 | _HTJ2K:
            found = describe_jpeg2000(frame)
        else:
            return None
        if found is None:
            self._fail("its codestream has no readable header", frame_number)
        size = (found.rows, found.columns, found.samples)
        if size != (px.rows, px.columns, px.samples_per_pixel):
            self._fail(
                f"its codestream has {found.rows} rows, {found.columns} columns, {found.samples} samples where the "
                f"attributes say {px.rows}, {px.columns}, {px.samples_per_pixel}",
                frame_number,
            )
        if found.precision > px.bits_allocated:
            self._fail(f"its samples of {found.precision} bits do not fit {px.bits_allocated}", frame_number)
        return found

    def _fail(self, message: str, frame_number: int) -> NoReturn:
        raise FrameDecodeError(
            message,
            kind="bad-data",
            expected_nbytes=self.image_pixel.frame_nbytes,
            consumed_nbytes=0,
            frame_number=frame_number,
        )

    def attribute_changes(
        self, *, lossy_image_compression: str, encoded_nbytes: int
    ) -> dict[int, tuple[bytes, bytes]]:
        """Return VR and value of each attribute that differs from the source; `CHANGED_ATTRIBUTES` says why.

        Parameters
        ----------
        lossy_image_compression : str
            (0028,2110) of the source, empty where it is absent.
        encoded_nbytes : int
            All Fragments, in bytes: the ratio is told from it.
        """
        px, changes = self.image_pixel, {}
        if px.photometric_interpretation != self._source.photometric_interpretation:
            changes[0x00280004] = (b"CS", px.photometric_interpretation.encode("ascii"))
        if px.samples_per_pixel == 3 and self._source.planar_configuration != 0:
            changes[0x00280006] = (b"US", b"\0\0")
        if self._is_lossy and not lossy_image_compression:
            ratio = px.native_nbytes / max(encoded_nbytes, 1)
            changes[0x00282110] = (b"CS", b"01")
            changes[0x00282112] = (b"DS", f"{ratio:.4g}".encode("ascii"))
            changes[0x00282114] = (b"CS", _LOSSY_METHODS[self._uid])
        return changes


def native_image_pixel(transfer_syntax_uid: str, image: EncodedImage) -> ImagePixel:
    """Describe the decoded Frames as far as the attributes settle it, once a decoder is known to be there.

    Raises
    ------
    MissingExtraError, UnsupportedImageError
        As `ForeignDecoder`.
    """
    # Before all else: of a video, say that nothing here decodes it, not that its Fragments are too few.
    if transfer_syntax_uid != RLE_LOSSLESS:
        require_decoder(transfer_syntax_uid, bits_stored=image.bits_stored or image.bits_allocated)
    photometric = _native_photometric(transfer_syntax_uid, image)
    attributes = asdict(image) | {"photometric_interpretation": photometric, "planar_configuration": 0}
    try:
        image_pixel = ImagePixel(**attributes)
    except ImagePixelError as error:
        raise UnsupportedImageError(str(error), kind="image-pixel") from error
    if transfer_syntax_uid == RLE_LOSSLESS:
        check_rle(image_pixel)
    return image_pixel


def _native_photometric(uid: str, image: EncodedImage) -> str:
    """Return the Photometric Interpretation of the native Frames, as far as the attributes settle it."""
    source = image.photometric_interpretation
    if image.samples_per_pixel == 3 and (uid in _JPEG_DCT or source in ("YBR_RCT", "YBR_ICT")):
        native = "RGB"
    elif source == "YBR_FULL_422":
        native = "YBR_FULL"
    else:
        native = source
    if native and (native not in NATIVE_PHOTOMETRIC_INTERPRETATIONS or source.startswith("YBR_PARTIAL")):
        raise UnsupportedImageError(
            "the Photometric Interpretation cannot be written natively (PS3.5 8.2); convert the file first",
            kind="photometric-interpretation",
        )
    return native


def _native_bytes(array: "NDArray[np.generic]", px: ImagePixel) -> bytes:
    import numpy as np

    if px.is_bilevel:
        return np.packbits(np.ascontiguousarray(array).reshape(-1) != 0, bitorder="little").tobytes()
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
