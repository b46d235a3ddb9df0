# SPDX-License-Identifier: Apache-2.0
"""Data Sets re-encoded: Implicit VR and Big Endian to Explicit VR Little Endian, and that to Implicit VR (PS3.5 A)."""

from framedeflate.data_set.element import ElementReader
from framedeflate.data_set.rewriter import DataSetRewriter

__all__ = ["to_explicit_little", "to_implicit_little"]


def to_explicit_little(
    data_set: bytes,
    *,
    implicit_vr: bool,
    big_endian: bool,
    pixel_representation: int | None = None,
    position: int = 0,
) -> bytes:
    """Re-encode a Data Set, or the part of it before or behind Pixel Data, as Explicit VR Little Endian (PS3.5 A.2).

    Parameters
    ----------
    data_set : bytes
        Whole Data Elements in Implicit VR Little Endian (A.1) or Explicit VR Big Endian (retired).
    implicit_vr, big_endian : bool
        How they are encoded.
    pixel_representation : int, optional
        (0028,0103) of the Data Set around the part, for the part behind Pixel Data, which does not hold it.
    position : int
        Where `data_set` starts in its file; for errors alone.

    Returns
    -------
    bytes
        The same Data Elements, their values byte by byte but for the byte order of a Big Endian source. From
        Implicit VR, standard elements take the VR of PS3.6, ambiguous ones by pydicom's rules (US or SS by the
        nearest Pixel Representation; OW for OB or OW), private ones that of pydicom's private dictionary; unknown
        ones, and those too long for their VR's 16-bit length, become UN (6.2.2). Sequences of defined length stay
        so. Group lengths (gggg,0000), retired and wrong once re-encoded, are left out (7.2).

    Raises
    ------
    DicomFormatError
        kind ``truncated`` | ``bad-structure`` | ``too-deep`` | ``too-large``.
    """
    reader = ElementReader(data_set, implicit_vr=implicit_vr, big_endian=big_endian, position=position)
    return DataSetRewriter(reader).rewrite(pixel_representation)


def to_implicit_little(data_set: bytes, *, position: int = 0) -> bytes:
    """Re-encode Explicit VR Little Endian as Implicit VR Little Endian (PS3.5 A.1); values stay byte by byte.

    Raises
    ------
    DicomFormatError
        kind ``truncated`` | ``bad-structure`` | ``too-deep`` | ``too-large``.
    """
    reader = ElementReader(data_set, implicit_vr=False, big_endian=False, position=position)
    return DataSetRewriter(reader, implicit_vr=True).rewrite()
