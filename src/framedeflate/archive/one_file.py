# SPDX-License-Identifier: Apache-2.0
"""One file of an archive, from its place into the other: a function of its arguments, for any process anywhere."""

import errno
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

from framedeflate.archive.places import Entry, Place, Stored, copy_file
from framedeflate.archive.settings import CompressSettings
from framedeflate.atomic_file import Overwrite
from framedeflate.byte_source import FileSource
from framedeflate.data_set.layout import Tag
from framedeflate.errors import (
    DicomFormatError,
    FrameDeflateError,
    RemoteSourceError,
    TransferSyntaxError,
    UnsupportedImageError,
)
from framedeflate.part10 import read_data_set_layout, read_file_meta
from framedeflate.transcode import (
    DATA_SET_LEVEL,
    ColourSpace,
    Progress,
    TranscodeResult,
    compress_data_set_file,
    compress_file,
)

__all__ = [
    "WORKER_DIED",
    "ArchiveJob",
    "Failure",
    "FileOutcome",
    "State",
    "Work",
    "compress_either",
    "compress_entry",
    "worker_died",
]

State: TypeAlias = Literal["done", "copied", "skipped", "failed"]
"""compressed | put in place as it is | nothing was written, for a reason that is no fault | failed."""

_FOR_DATA_SET: Final = frozenset({"float-pixel-data", "no-pixel-data", "bits-allocated"})
"""Why an object cannot be deflated frame by frame though nothing is wrong with it."""
_NOT_COMPRESSED: Final = frozenset({"no-pixel-data", "policy", "min-gain"})
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})

_ERRNO_NAMES: Final = frozenset(errno.errorcode.values())

WORKER_DIED: Final = "worker-died"


@dataclass(frozen=True, slots=True)
class ArchiveJob:
    """What is to be done with every file.

    Attributes
    ----------
    source, destination : Place
        Where it comes from, and where its result goes, under the same path.
    settings : CompressSettings
        How.
    """

    source: Place
    destination: Place
    settings: CompressSettings


@dataclass(frozen=True, slots=True)
class Work:
    """One file to do.

    Attributes
    ----------
    entry : Entry
        As it was listed.
    replaces : str
        Digest of what an earlier run made of the file before it changed; "" where there was none.
    """

    entry: Entry
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file was not compressed.

    Attributes
    ----------
    error : str
        Class of the exception.
    kind : str
        Its kind; for an OSError the name of its number (``ENOENT``); "" where it has none.
    message : str
        For a person: numbers, tags and UIDs alone. No path: it would be a patient's name in many an archive, and it
        stands beside.
    side : {"source", "destination"}
        Which of the two files an OSError is about.
    """

    error: str
    kind: str
    message: str
    side: Literal["source", "destination"] = "source"

    @property
    def is_about_space(self) -> bool:
        """Whether the destination takes no more, so that the next file would fail as well."""
        return self.side == "destination" and self.kind in {errno.errorcode[number] for number in _NO_SPACE}

    @property
    def is_about_storage(self) -> bool:
        """Whether a disk, a mount or a server may be at fault rather than the file; not where the name is taken."""
        return self.kind != "EEXIST" and (
            self.kind in _ERRNO_NAMES or self.error == RemoteSourceError.__name__
        )


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file.

    Attributes
    ----------
    entry : Entry
        Which.
    state : State
        What became of it.
    failure : Failure or None
        Why it was not compressed; None where it was.
    result : TranscodeResult or None
        What `compress_file` said; None where it was not compressed.
    stored : Stored or None
        The file that stands at the destination; None where there is none.
    sop_class_uid, modality : str
        What it is, as far as it could be read.
    seconds : float
        Wall time.
    """

    entry: Entry
    state: State
    failure: Failure | None = None
    result: TranscodeResult | None = None
    stored: Stored | None = None
    sop_class_uid: str = ""
    modality: str = ""
    seconds: float = 0.0

    @property
    def saved_nbytes(self) -> int:
        """Bytes by which the result is smaller than the source; 0 where there is none."""
        return 0 if self.stored is None else self.entry.nbytes - self.stored.nbytes


def compress_entry(job: ArchiveJob, work: Work) -> FileOutcome:
    """Compress one file of an archive, put the result in place, and say what became of it.

    May be called again, at any time and anywhere, after whatever became of the call before: the result is the same.
    """
    started = time.monotonic()
    try:
        outcome = _compress(job, work)
    except (OSError, MemoryError, FrameDeflateError) as error:
        outcome = FileOutcome(work.entry, "failed", failure_of(error, job, work.entry.path))
    return replace(outcome, seconds=time.monotonic() - started)


def worker_died(entry: Entry, message: str) -> FileOutcome:
    """Return the outcome of a file whose process was ended while it was at it."""
    return FileOutcome(entry, "failed", Failure("WorkerDied", WORKER_DIED, message))


def _compress(job: ArchiveJob, work: Work) -> FileOutcome:
    entry, settings = work.entry, job.settings

    def put(source: Path) -> tuple[TranscodeResult, Stored]:
        def make(destination: Path, overwrite: Overwrite) -> TranscodeResult:
            return compress_either(source, destination, settings, overwrite=overwrite, digest=True)

        return job.destination.put(entry.path, make, overwrite=settings.overwrite, replaces=work.replaces)

    with job.source.local(entry.path) as source:
        try:
            result, stored = put(source)
        except (DicomFormatError, UnsupportedImageError) as error:
            what = describe(source)
            failure = failure_of(error, job, entry.path)
            if error.kind not in _NOT_COMPRESSED and not is_no_dicom(error):
                return FileOutcome(entry, "failed", failure, None, None, *what)
            if not settings.copy_others:
                return FileOutcome(entry, "skipped", failure, None, None, *what)
        else:
            uid, modality = result.sop_class_uid, result.modality
            what = _checked(uid, modality) if uid or modality else describe(source)
            return FileOutcome(entry, "done", None, result, stored, *what)
        _none, stored = job.destination.put(
            entry.path,
            lambda destination, overwrite: copy_file(source, destination, overwrite),
            overwrite=settings.overwrite,
            replaces=work.replaces,
        )
        return FileOutcome(entry, "copied", failure, None, stored, *what)


def compress_either(
    source: Path,
    destination: Path,
    settings: CompressSettings,
    *,
    overwrite: Overwrite = False,
    in_place: bool = False,
    photometric_interpretation: ColourSpace | None = None,
    digest: bool = False,
    progress: Progress | None = None,
) -> TranscodeResult:
    """Compress a file frame by frame, or as a whole Data Set where that was asked for and its Frames cannot be.

    Raises
    ------
    FrameDeflateError, OSError
        As `compress_file`.
    """
    try:
        return compress_file(
            source,
            destination,
            level=settings.frames_level,
            threads=settings.threads,
            check=settings.check,
            overwrite=overwrite,
            in_place=in_place,
            policy=settings.policy,
            strict=settings.strict,
            min_gain=settings.min_gain,
            photometric_interpretation=photometric_interpretation,
            digest=digest,
            progress=progress,
        )
    except UnsupportedImageError as error:
        if not settings.whole_data_sets or error.kind not in _FOR_DATA_SET:
            raise
        try:
            return compress_data_set_file(
                source,
                destination,
                level=settings.level or DATA_SET_LEVEL,
                check=settings.check,
                overwrite=overwrite,
                in_place=in_place,
                min_gain=settings.min_gain,
            )
        except TransferSyntaxError:
            # Deflated as a whole already: what stands in the way of deflating its frames is the news.
            raise error from None


def is_no_dicom(error: Exception) -> bool:
    """Whether a file is no DICOM file at all: folders hold other things too."""
    return isinstance(error, DicomFormatError) and error.kind == "not-part10"


def describe(path: Path) -> tuple[str, str]:
    """Return SOP Class UID and Modality of a file; "" for what cannot be read."""
    try:
        with FileSource.open(path) as source:
            layout = read_data_set_layout(source, read_file_meta(source))
            return _checked(layout.text(Tag.SOP_CLASS_UID), layout.text(Tag.MODALITY))
    except (OSError, FrameDeflateError):
        return "", ""


def _checked(uid: str, modality: str) -> tuple[str, str]:
    """Return both where they are what they should be: what else stands in their place may be a patient's name."""
    is_uid = re.fullmatch(r"[0-9.]{1,64}", uid)
    is_code = re.fullmatch(r"[A-Z0-9_]{1,16}", modality)
    return uid if is_uid else "", modality if is_code else ""


def failure_of(error: Exception, job: ArchiveJob, path: str) -> Failure:
    """Return what an exception says of a file."""
    kind = getattr(error, "kind", "")
    side: Literal["source", "destination"] = "source"
    message = str(error) or "not enough memory"
    places = (job.source.shown(path), job.destination.shown(path))
    if isinstance(error, RemoteSourceError):
        side = "destination" if message.startswith(places[1]) else "source"
    elif isinstance(error, OSError):
        kind = "EEXIST" if isinstance(error, FileExistsError) else errno.errorcode.get(error.errno or 0, "")
        if error.filename is None or str(error.filename) != places[0]:
            side = "destination"
        message = error.strerror or message
    for place in places:
        message = message.removeprefix(f"{place}: ").replace(place, "the file")
    return Failure(type(error).__name__, kind, message, side)
