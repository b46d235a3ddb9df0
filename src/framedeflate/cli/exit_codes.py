# SPDX-License-Identifier: Apache-2.0
"""Exit codes, numbered as DCMTK's command line tools number theirs, and which failure ends with which."""

import shutil
from enum import IntEnum

from framedeflate.errors import (
    ArchiveError,
    DicomFormatError,
    FrameDeflateError,
    MissingExtraError,
    RemoteSourceError,
    RoundTripError,
    UnsupportedImageError,
)

__all__ = [
    "CommandError",
    "ExitCode",
    "exit_code_of",
    "is_no_image",
    "is_not_chosen",
    "sentence_of",
    "why_no_folder",
]


class ExitCode(IntEnum):
    """What a command ends with; where several files failed, the highest of theirs."""

    OK = 0
    """Everything asked for was done; files that are no DICOM images may have been skipped."""
    USAGE = 1
    """The command line makes no sense, or asks for an extra that is not installed; nothing was touched."""
    CANNOT_READ_INPUT = 20
    """A source file is not there or cannot be read."""
    NO_INPUT = 21
    """The folders given hold no file."""
    INVALID_INPUT = 22
    """A file is damaged or cannot be carried; `verify` or `audit` found an error."""
    NO_VALID_INPUT = 23
    """No file was a DICOM image, so nothing was done."""
    INVALID_INPUT_FOLDER = 25
    """A source folder cannot be listed."""
    CANNOT_WRITE_OUTPUT = 40
    """An output exists already, cannot be written, or did not decode to what was read."""
    INVALID_OUTPUT_FOLDER = 45
    """The output folder cannot be made or is a file."""
    NO_ASSOCIATION = 61
    """The peer or cluster cannot be reached, or rejects the association."""
    NOT_SENT = 62
    """The peer took the association, and not every instance."""
    CANNOT_LISTEN = 64
    """The port is taken, or the address is none of this machine."""
    INTERRUPTED = 130
    """Ctrl-C."""


_ARCHIVE_CODES = {
    "settings": ExitCode.USAGE,
    "folder": ExitCode.INVALID_INPUT_FOLDER,
    "empty": ExitCode.NO_INPUT,
    "no-space": ExitCode.CANNOT_WRITE_OUTPUT,
    "source": ExitCode.CANNOT_READ_INPUT,
    "destination": ExitCode.INVALID_OUTPUT_FOLDER,
    "manifest": ExitCode.CANNOT_READ_INPUT,
    "locked": ExitCode.CANNOT_WRITE_OUTPUT,
    "workers": ExitCode.CANNOT_WRITE_OUTPUT,
    "cluster": ExitCode.NO_ASSOCIATION,
}
"""What a run over an archive ends with where it cannot begin or go on."""


class CommandError(Exception):
    """Ends the command with a sentence for its user.

    Attributes
    ----------
    exit_code : ExitCode
        What the command ends with.
    """

    def __init__(self, message: str, *, exit_code: ExitCode) -> None:
        self.exit_code = exit_code
        super().__init__(message)


def is_no_image(error: Exception) -> bool:
    """Whether a file is no DICOM image at all, which is no failure: folders hold other things too."""
    if isinstance(error, DicomFormatError):
        return error.kind == "not-part10"
    return isinstance(error, UnsupportedImageError) and error.kind == "no-pixel-data"


def is_not_chosen(error: Exception) -> bool:
    """Whether this image stays as it is, by the policy or since too little would be gained."""
    return isinstance(error, UnsupportedImageError) and error.kind in {"policy", "min-gain"}


def exit_code_of(error: Exception, *, source: str) -> ExitCode:
    """Translate a failure on one file.

    Parameters
    ----------
    error : Exception
        An OSError, MemoryError, FrameDeflateError or CommandError.
    source : str
        The file that was read: an OSError that names it is about the input, any other about the output.
    """
    if isinstance(error, CommandError | ArchiveError):
        return error.exit_code if isinstance(error, CommandError) else _ARCHIVE_CODES[error.kind]
    if isinstance(error, RoundTripError | FileExistsError | shutil.SameFileError):
        return ExitCode.CANNOT_WRITE_OUTPUT
    if isinstance(error, RemoteSourceError):
        return ExitCode.CANNOT_READ_INPUT
    if isinstance(error, FrameDeflateError | MemoryError):
        # Files that need a decoder fail one by one; another extra is missing for whatever was asked.
        is_asked = isinstance(error, MissingExtraError) and error.extra != "codecs"
        return ExitCode.USAGE if is_asked else ExitCode.INVALID_INPUT
    if isinstance(error, OSError) and str(error.filename) != source:
        return ExitCode.CANNOT_WRITE_OUTPUT
    return ExitCode.CANNOT_READ_INPUT


def sentence_of(error: Exception, *, source: str) -> str:
    """Say what failed, in words of the command line, for a line that begins with the source."""
    if isinstance(error, shutil.SameFileError):
        return "it would be written onto itself; --in-place does that"
    if isinstance(error, OSError) and error.strerror:
        if error.filename is None:
            return f"{error.strerror} while the output was written"
        return error.strerror if str(error.filename) == source else f"{error.strerror}: {error.filename}"
    return str(error) or "not enough memory"


def why_no_folder(error: OSError) -> str:
    """Say why a folder cannot be made or used."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "a file is there, where a folder is needed"
    return error.strerror or str(error)
