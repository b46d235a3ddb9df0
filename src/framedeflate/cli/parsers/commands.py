# SPDX-License-Identifier: Apache-2.0
"""All commands, by what people want to do, and the help that lists them."""

from typing import Final

from framedeflate.cli.parsers import (
    about,
    archives,
    completion,
    compress,
    decompress,
    inspect,
    pictures,
    receive,
    send,
    serve,
    verify,
    zarr,
)
from framedeflate.cli.parsers.command import Command

__all__ = ["COMMANDS", "GROUPS", "full_help", "short_help"]

GROUPS: Final[tuple[tuple[str, tuple[Command, ...]], ...]] = (
    ("files", (compress.COMMAND, decompress.COMMAND, inspect.COMMAND, verify.COMMAND)),
    ("pictures and arrays", (pictures.EXTRACT, pictures.RENDER, zarr.COMMAND)),
    ("DICOM peers", (send.COMMAND, receive.COMMAND)),
    ("web", (serve.COMMAND,)),
    ("archives", (archives.REPORT, archives.AUDIT)),
    ("this command", (completion.COMMAND, about.COMMAND)),
)

COMMANDS: Final = {command.name: command for _, commands in GROUPS for command in commands}

_USAGE: Final = "usage: framedeflate COMMAND ..."

_ABOUT: Final = """\
DICOM Deflated Image Frame Compression: write it, read it, check it, send it,
serve it. framedeflate COMMAND --help says more of each."""

_REST: Final = """\
options:
  -h, --help  show this help and exit
  --version   show the version and exit

examples:
  framedeflate compress seg.dcm -o seg-deflated.dcm
  framedeflate verify seg-deflated.dcm
  framedeflate compress originals/ -o archive/ --jobs 0

exit codes:
    0  all was done; files that are no DICOM images may have been skipped
    1  the command line makes no sense, or asks for an extra not installed
   20  a source cannot be read
   21  the folders hold no file
   22  a file is damaged or cannot be carried; verify or audit found an error
   23  no file was a DICOM image
   25  a folder cannot be listed
   40  an output exists, cannot be written or did not decode to its source
   45  the output folder is no folder
   61  a DICOM peer or cluster cannot be reached, or rejects the association
   62  the peer did not take every instance
   64  the port cannot be listened on
  130  interrupted
Where several files failed, the highest code of theirs."""


def _listed() -> str:
    width = max(map(len, COMMANDS))
    return "\n\n".join(
        "\n".join([f"{title}:", *(f"  {command.name:{width}}  {command.summary}" for command in commands)])
        for title, commands in GROUPS
    )


def short_help() -> str:
    """Return what ``framedeflate`` alone says."""
    return f"{_USAGE}\n\n{_ABOUT}\n\n{_listed()}"


def full_help() -> str:
    """Return what ``framedeflate --help`` says."""
    return f"{short_help()}\n\n{_REST}"
