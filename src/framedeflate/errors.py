# SPDX-License-Identifier: Apache-2.0
"""Every public exception. All derive from FrameDeflateError; tests and callers match ``kind``, never the sentence."""

from collections.abc import Sequence

__all__ = [
    "ArchiveError",
    "AssociationError",
    "DicomFormatError",
    "EncapsulationError",
    "FrameDecodeError",
    "FrameDeflateError",
    "FrameEncodeError",
    "FrameError",
    "FrameNumberError",
    "ImagePixelError",
    "InstanceError",
    "MediaTypeError",
    "MissingExtraError",
    "MultipartError",
    "RemoteSourceError",
    "RoundTripError",
    "SearchError",
    "SegmentError",
    "SegmentationError",
    "StoreIndexError",
    "TlsSettingsError",
    "TransferSyntaxError",
    "UnsupportedImageError",
    "UnsupportedSourceError",
]


class FrameDeflateError(Exception):
    """Base of every error this package raises for what it was given."""

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders. By default an exception is rebuilt from its message alone, which the keyword
        # arguments of these classes do not allow.
        return _revive, (type(self), self.args, self.__dict__.copy())


def _revive(
    kind: type[FrameDeflateError], args: tuple[object, ...], state: dict[str, object]
) -> FrameDeflateError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class ImagePixelError(FrameDeflateError, ValueError):
    """An Image Pixel description that no Frame can have (PS3.3 C.7.6.3).

    Attributes
    ----------
    problems : tuple of str
        Every problem found, not only the first.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class DicomFormatError(FrameDeflateError, ValueError):
    """Bytes that are not a DICOM file, or whose Data Set cannot be walked (PS3.10 7.1, PS3.5 7).

    Attributes
    ----------
    kind : str
        ``not-part10`` | ``bad-meta`` | ``truncated`` | ``bad-structure`` | ``too-deep`` | ``too-large`` |
        ``bad-value`` | ``changed``.
    position : int
        Where, in bytes from the start of the file.
    """

    def __init__(self, message: str, *, kind: str, position: int) -> None:
        self.kind = kind
        self.position = position
        super().__init__(message)


class EncapsulationError(FrameDeflateError, ValueError):
    """Items or offset tables from which the Frames cannot be told apart (PS3.5 A.4).

    Attributes
    ----------
    kind : str
        ``native`` | ``encapsulated`` | ``bad-item`` | ``truncated`` | ``fragment-count`` | ``empty-fragment`` |
        ``too-large``.
    position : int
        Where, in bytes from the start of the file, or of the value where only that was given.
    """

    def __init__(self, message: str, *, kind: str, position: int) -> None:
        self.kind = kind
        self.position = position
        super().__init__(message)


class FrameError(FrameDeflateError):
    """Something about one Frame.

    Attributes
    ----------
    frame_number : int or None
        Which Frame, from 1; None where the caller gave a lone Fragment.
    """

    def __init__(self, message: str, *, frame_number: int | None) -> None:
        self.frame_number = frame_number
        super().__init__(message if frame_number is None else f"frame {frame_number}: {message}")


class FrameDecodeError(FrameError, ValueError):
    """A Fragment that does not inflate to exactly its Frame (PS3.5 A.4.13).

    Attributes
    ----------
    kind : str
        ``bad-data`` | ``short-output`` | ``excess-output`` | ``trailing-data`` | ``not-terminated``.
    expected_nbytes : int
        Size of the Frame in bytes.
    consumed_nbytes : int
        Bytes of the Fragment that were read up to the defect.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        expected_nbytes: int,
        consumed_nbytes: int,
        frame_number: int | None = None,
    ) -> None:
        self.kind = kind
        self.expected_nbytes = expected_nbytes
        self.consumed_nbytes = consumed_nbytes
        super().__init__(message, frame_number=frame_number)


class FrameEncodeError(FrameError, ValueError):
    """Native bytes that are not one Frame of the given Image Pixel description."""

    def __init__(self, message: str, *, frame_number: int | None = None) -> None:
        super().__init__(message, frame_number=frame_number)


class FrameNumberError(FrameError, IndexError):
    """A frame number that the image does not have.

    Attributes
    ----------
    number_of_frames : int
        How many there are.
    """

    def __init__(self, *, frame_number: int, number_of_frames: int) -> None:
        self.number_of_frames = number_of_frames
        there = "there is 1 frame" if number_of_frames == 1 else f"there are {number_of_frames} frames"
        super().__init__(f"{there}, numbered from 1", frame_number=frame_number)


class SegmentError(FrameDeflateError, LookupError):
    """Frames asked for by a segment that cannot be told by it.

    Attributes
    ----------
    kind : str
        ``unknown-segment`` | ``label-map`` (a Frame shows all segments, in its pixels' values) | ``no-segments``.
    segment_number : int
        The one asked for.
    """

    def __init__(self, message: str, *, kind: str, segment_number: int) -> None:
        self.kind = kind
        self.segment_number = segment_number
        super().__init__(message)


class UnsupportedImageError(FrameDeflateError, ValueError):
    """An object that this Transfer Syntax cannot carry; the message says what to do instead.

    Attributes
    ----------
    kind : str
        ``no-pixel-data`` | ``float-pixel-data`` | ``bits-allocated`` | ``photometric-interpretation`` |
        ``image-pixel`` | ``number-of-frames`` | ``short-pixel-data`` | ``too-large`` | ``decoder`` |
        ``policy`` (`compress_file` was asked for other images only) | ``min-gain`` (and for more to be gained) |
        ``not-referable`` (Zarr could not read the pixels where they lie).
    """

    def __init__(self, message: str, *, kind: str) -> None:
        self.kind = kind
        super().__init__(message)


class TransferSyntaxError(FrameDeflateError, ValueError):
    """A Transfer Syntax other than what the call is for.

    Attributes
    ----------
    uid : str
        The Transfer Syntax UID found; "(no UID)" where what stands there is none.
    """

    def __init__(self, message: str, *, uid: str) -> None:
        self.uid = uid
        super().__init__(message)


class RoundTripError(FrameError):
    """What was encoded does not decode to what was read. Nothing is left under the final name."""


class SegmentationError(FrameDeflateError, ValueError):
    """Planes, places or a template of which no Segmentation can be made (PS3.3 A.51, C.8.20).

    Attributes
    ----------
    kind : str
        ``template`` | ``plane`` (its shape or type) | ``label`` (of no segment) | ``position`` | ``source-image`` |
        ``plane-count`` (none, or not as many as places).
    plane_number : int or None
        Which plane, from 1 in the order in which they are given; None where all are meant.
    """

    def __init__(self, message: str, *, kind: str, plane_number: int | None = None) -> None:
        self.kind = kind
        self.plane_number = plane_number
        super().__init__(message if plane_number is None else f"plane {plane_number}: {message}")


class MissingExtraError(FrameDeflateError, ImportError):
    """A feature whose optional packages are not installed.

    Attributes
    ----------
    extra : str
        Name of the extra: ``pip install "framedeflate[extra]"``.
    feature : str
        What needs it.
    """

    def __init__(self, *, extra: str, feature: str) -> None:
        self.extra = extra
        self.feature = feature
        super().__init__(f'{feature} needs the "{extra}" extra: pip install "framedeflate[{extra}]"')


class ArchiveError(FrameDeflateError):
    """A run over an archive that cannot begin or go on. What befalls one file is that file's failure, not this.

    Attributes
    ----------
    kind : str
        ``manifest`` (none, or none that can be read) | ``locked`` (another run holds it) | ``settings`` (it was made
        for another run) | ``folder`` (the source cannot be listed) | ``empty`` (no file in it) | ``no-space`` (left at
        the destination) | ``source``, ``destination`` (not there, or not any more) | ``workers`` (processes that cannot
        be started) | ``cluster`` (one that cannot be used).
    """

    def __init__(self, message: str, *, kind: str) -> None:
        self.kind = kind
        super().__init__(message)


class UnsupportedSourceError(FrameDeflateError, TypeError):
    """Something that bytes cannot be read from by range; the message says what to open instead.

    Attributes
    ----------
    kind : str
        ``text-mode`` | ``unseekable`` | ``non-blocking`` | ``unknown``.
    """

    def __init__(self, message: str, *, kind: str) -> None:
        self.kind = kind
        super().__init__(message)


class RemoteSourceError(FrameDeflateError, OSError):
    """A file on a server that could not be read. The message shows its URL without password, query and fragment.

    Attributes
    ----------
    kind : str
        ``url`` (no such scheme, or malformed) | ``not-found`` | ``denied`` | ``status`` (another HTTP status) |
        ``no-ranges`` (the server sends whole files only) | ``bad-answer`` (the answer contradicts the request) |
        ``changed`` (the file was replaced since it was opened) | ``connection`` | ``tls`` | ``timeout`` |
        ``redirect`` | ``store`` (an object store's own failure) | ``closed`` | ``forked``.
    status : int or None
        HTTP status code, where there was an answer.
    position : int
        First byte that was asked for.
    """

    def __init__(self, message: str, *, kind: str, position: int, status: int | None = None) -> None:
        self.kind = kind
        self.status = status
        self.position = position
        super().__init__(message)


class InstanceError(FrameDeflateError, ValueError):
    """An instance that a store does not take, or does not have as asked for.

    Attributes
    ----------
    kind : str
        ``no-uid`` (its SOP Class or SOP Instance UID is missing or malformed) | ``sop-class`` | ``sop-instance`` (other
        than announced) | ``transfer-syntax`` (of no use in a store, or not that of the bytes) | ``image-pixel`` (the
        attributes do not describe the Pixel Data) | ``duplicate`` (another instance has this SOP Instance UID) |
        ``damaged`` (what stands in the store under this UID cannot be read) | ``missing`` | ``too-large`` |
        ``disk-left`` | ``interrupted`` (the store was closed meanwhile). Of a Store (PS3.18 10.5) also ``study`` (of
        another Study than the URL) | ``part-type`` | ``metadata`` | ``bulkdata``.
    """

    def __init__(self, message: str, *, kind: str) -> None:
        self.kind = kind
        super().__init__(message)


class AssociationError(FrameDeflateError, OSError):
    """A DICOM peer that could not be talked to (PS3.7, PS3.8).

    Attributes
    ----------
    kind : str
        ``connection`` (nobody there) | ``rejected`` (for good) | ``busy`` (rejected for now) | ``aborted`` (the peer
        ended it, or the connection was lost) | ``timeout`` | ``bad-answer`` | ``stopped`` (this side was asked to).
    """

    def __init__(self, message: str, *, kind: str) -> None:
        self.kind = kind
        super().__init__(message)


class TlsSettingsError(FrameDeflateError, ValueError):
    """Certificates or keys that are missing, unreadable or do not fit each other."""


class MediaTypeError(FrameDeflateError, ValueError):
    """A media type, or a list of them, that cannot be read or written (RFC 9110 8.3.1, 12.5).

    Attributes
    ----------
    kind : str
        ``syntax`` | ``wildcard`` | ``weight`` | ``duplicate-parameter`` | ``too-long`` | ``too-many``.
    """

    def __init__(self, message: str, *, kind: str) -> None:
        self.kind = kind
        super().__init__(message)


class MultipartError(FrameDeflateError, ValueError):
    """A multipart payload that is broken or exceeds a limit (RFC 2046 5.1, PS3.18 8.6.1.2).

    Attributes
    ----------
    kind : str
        ``boundary`` | ``bad-header`` | ``bad-delimiter`` | ``truncated`` | ``no-parts`` | ``bad-length`` |
        ``header-too-long`` | ``too-many-headers`` | ``too-many-parts`` | ``part-too-long`` | ``preamble-too-long``.
    position : int
        Where, in bytes from the start of the payload.
    """

    def __init__(self, message: str, *, kind: str, position: int) -> None:
        self.kind = kind
        self.position = position
        super().__init__(message)


class StoreIndexError(FrameDeflateError, OSError):
    """The index of a store cannot be opened, read or written. The files are not touched by it.

    Attributes
    ----------
    kind : str
        ``url`` (none of a database that is known here) | ``unavailable`` (no connection, or it is busy) | ``damaged`` |
        ``full`` (its disk) | ``encoding`` (a database that does not hold Unicode) | ``failed``.
    """

    def __init__(self, message: str, *, kind: str) -> None:
        self.kind = kind
        super().__init__(message)


class SearchError(FrameDeflateError, ValueError):
    """A search that cannot be understood (PS3.18 8.3.4). The message names attributes, never a value.

    Attributes
    ----------
    kind : str
        ``syntax`` | ``duplicate`` (an attribute twice) | ``value`` (not one of its VR) | ``limit`` (limit or offset is
        no number) | ``too-many`` | ``too-long``.
    """

    def __init__(self, message: str, *, kind: str) -> None:
        self.kind = kind
        super().__init__(message)
