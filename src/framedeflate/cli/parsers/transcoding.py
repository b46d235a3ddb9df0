# SPDX-License-Identifier: Apache-2.0
"""What ``compress`` and ``decompress`` take alike."""

import argparse

from framedeflate.cli.parsers.kinds import count
from framedeflate.cli.parsers.shared import add_jobs, add_json, add_overwrite, add_sources

__all__ = ["JSON_NOTES", "add_destination", "add_speed"]

JSON_NOTES = """\
--json prints one object a line for each file:
  status                done, copied, skipped or failed
  source, destination   paths; destination is null where nothing was written
  source_transfer_syntax_uid, transfer_syntax_uid
                        how the two files are encoded
  number_of_frames      frames
  native_nbytes         bytes of all frames (or of the whole Data Set),
                        uncompressed
  deflated_nbytes       bytes of all Fragments (or of the one stream), also
                        where they were not deflated but in another
                        compression; 0 where the source was native
  source_nbytes, destination_nbytes
                        sizes of the files
  excess_nbytes         bytes behind the last frame that were left out
  seconds               time taken
  checked               whether every frame was decoded again and compared
  notes                 what else a reader of the file may want to know
  frames_digest, result_digest
                        of archives: SHA-256 over all native frames, and of
                        the file written
  error                 where it failed or was skipped: type, kind, message"""


def add_destination(parser: argparse.ArgumentParser, *, urls: bool = False) -> None:
    """Add SOURCE, and where results go."""
    add_sources(parser, urls=urls)
    group = parser.add_argument_group("where results go (one of the first two is needed)")
    group.add_argument(
        "-o",
        "--output",
        metavar="DEST",
        help="a file for one SOURCE file; a folder if it is one, ends in a slash or there are several files",
    )
    group.add_argument("--in-place", action="store_true", help="replace every SOURCE by its result")
    add_overwrite(group, "an output")
    group.add_argument(
        "--copy-others", action="store_true", help="copy files that are skipped, so that a folder stays whole"
    )


def add_speed(parser: argparse.ArgumentParser) -> None:
    """Add how many processes and threads there are, and --json."""
    group = parser.add_argument_group("processes and output")
    add_jobs(group, default=1)
    group.add_argument(
        "--threads",
        type=count,
        metavar="N",
        help="worker threads per file (default: all cores, or 1 with several jobs)",
    )
    add_json(group, lines=True)
