# SPDX-License-Identifier: Apache-2.0
"""The one door to pydicom, imported on first use: its data dictionaries, and its decoders of foreign Frames.

pydicom's readers and writers are not used for Data Sets: they parse and format values (a DS "1.50" may come back as
"1.5"), do not swap OW, and fail on values that only need to be copied.
"""

import struct
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from framedeflate.errors import MissingExtraError, UnsupportedImageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "DECODER_ERRORS",
    "decode_frame_array",
    "decode_text",
    "dictionary_tag",
    "dictionary_vr",
    "keyword_of",
    "private_dictionary_vr",
    "require_decoder",
    "uid_name",
]

DECODER_ERRORS: Final = (
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    MemoryError,
    OSError,
    struct.error,
)
"""What pydicom's decoders let through for bytes that are no image; their plugins' exceptions become RuntimeError."""

_warnings_lock = threading.RLock()


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep pydicom's warnings from the caller, whom our own errors and reports address.

    The filters of `warnings` are one for the whole process before Python 3.14, so the lock keeps two of our threads
    from restoring them in the wrong order; a warning that another thread raises meanwhile is lost.
    """
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@cache
def _datadict() -> ModuleType:
    # Importing pydicom imports the decoders too, some of which warn on Pythons newer than they are.
    with _without_warnings():
        return import_module("pydicom.datadict")


def dictionary_tag(keyword: str) -> int | None:
    """Return the tag of a standard element by its keyword (PS3.6); None if unknown."""
    tag = _datadict().tag_for_keyword(keyword)
    return None if tag is None else int(tag)


@lru_cache(maxsize=1 << 14)
def dictionary_vr(tag: int) -> str:
    """Return the VR of a standard element (PS3.6): ``"US or SS"`` where it is ambiguous, ``"UN"`` if unknown."""
    try:
        return str(_datadict().dictionary_VR(tag))
    except KeyError:
        return "UN"


@lru_cache(maxsize=1 << 14)
def private_dictionary_vr(tag: int, creator: str) -> str:
    """Return the VR of a private element by the private dictionary that pydicom carries; ``"UN"`` if unknown."""
    try:
        return str(_datadict().private_dictionary_VR(tag, creator))
    except KeyError:
        return "UN"


@lru_cache(maxsize=1 << 14)
def keyword_of(tag: int) -> str:
    """Return the keyword of a standard element (PS3.6); empty where it is private or unknown."""
    return str(_datadict().keyword_for_tag(tag))


def decode_text(value: bytes, specific_character_set: str) -> str:
    """Return a value of LO, SH and the like as text (PS3.5 6.1); bytes that have no meaning become U+FFFD.

    Parameters
    ----------
    specific_character_set : str
        Value of (0008,0005), backslashes included.
    """
    with _without_warnings():
        from pydicom.charset import convert_encodings, decode_bytes

        # Unknown names, and bytes that do not fit the named ones, are warnings to pydicom, or errors as it is set.
        try:
            encodings = convert_encodings(specific_character_set.split("\\"))
            text = str(decode_bytes(value, encodings, set(b"\\^=\r\n\f\t")))
        except (LookupError, UnicodeError):
            text = value.decode("ascii", "replace")
        return text.rstrip("\0 ")


def uid_name(uid: str) -> str:
    """Return the name of a UID (PS3.6 Annex A), or the UID itself where it is private or unknown."""
    with _without_warnings():
        from pydicom.uid import UID

        return UID(uid).name


def require_decoder(transfer_syntax_uid: str, *, bits_stored: int) -> None:
    """Make sure that something here can decode Frames in a Transfer Syntax.

    Raises
    ------
    MissingExtraError
        A package of the extra ``codecs`` would.
    UnsupportedImageError
        kind ``decoder``: nothing that pydicom knows would.
    """
    with _without_warnings():
        from pydicom.pixels.decoders.base import get_decoder
        from pydicom.uid import UID, JPEGExtended12Bit

        uid = UID(transfer_syntax_uid)
        try:
            decoder = get_decoder(uid)
        except NotImplementedError as error:
            raise UnsupportedImageError(
                f"no decoder is known for Transfer Syntax {uid}; convert the file to Explicit VR Little Endian first",
                kind="decoder",
            ) from error
        plugins = decoder.available_plugins
    if uid == JPEGExtended12Bit and bits_stored > 8 and "pylibjpeg" not in plugins:
        # Its other plugins, GDCM and Pillow, say that they are there and then refuse each Frame.
        raise UnsupportedImageError(
            "JPEG Extended with more than 8 bits is decoded by pylibjpeg-libjpeg alone, which is not part of an extra "
            "because its licence is the GPL: pip install pylibjpeg-libjpeg, or convert the file first",
            kind="decoder",
        )
    if not plugins:
        raise MissingExtraError(extra="codecs", feature=f"decoding {uid.name}")


def decode_frame_array(
    transfer_syntax_uid: str, frame: bytes, options: Mapping[str, Any]
) -> "tuple[NDArray[np.generic], str]":
    """Decode one Frame through pydicom; call it where a crash, a hang, warnings and prints do no harm.

    Parameters
    ----------
    frame : bytes
        The codestream: all Fragments of the Frame joined.
    options : mapping
        pydicom's names for the Image Pixel attributes, and switches of its decoders.

    Returns
    -------
    array : numpy.ndarray
        Shape (rows, columns) or (rows, columns, samples), items of Bits Allocated (one byte for 1 bit).
    photometric_interpretation : str
        Of that array. Nothing was converted but what the codestream itself prescribes.

    Raises
    ------
    Any of ``DECODER_ERRORS``
        The codestream cannot be decoded.
    """
    from pydicom.pixels.decoders.base import get_decoder

    even = frame + b"\0" * (len(frame) & 1)
    # One Item without a Basic Offset Table: pydicom then has nothing to search for.
    encapsulated = struct.pack("<HHIHHI", 0xFFFE, 0xE000, 0, 0xFFFE, 0xE000, len(even)) + even
    decoder = get_decoder(transfer_syntax_uid)
    array, properties = decoder.as_array(encapsulated, index=0, raw=True, **dict(options))
    return array, str(properties["photometric_interpretation"])
