# SPDX-License-Identifier: Apache-2.0
"""Manifests of the parts of an archive, several in one command: whether each part is there, and once."""

from collections import defaultdict
from collections.abc import Sequence

from framedeflate.archive.manifest import Manifest
from framedeflate.archive.shard import Shard
from framedeflate.cli.exit_codes import CommandError, ExitCode
from framedeflate.cli.report import print_error

__all__ = ["say_missing_parts"]


def say_missing_parts(manifests: Sequence[Manifest]) -> None:
    """Tell a person which parts nobody gave; refuse parts that overlap, whose files would count twice.

    Raises
    ------
    CommandError
    """
    archives: dict[tuple[str, str], list[Shard]] = defaultdict(list)
    for manifest in manifests:
        archives[manifest.fact("source"), manifest.fact("destination")].append(
            Shard.of(manifest.fact("shard"))
        )
    for parts in archives.values():
        counts = {part.count for part in parts}
        if len(counts) > 1 or len(set(parts)) < len(parts):
            said = ", ".join(sorted(map(str, parts)))
            raise CommandError(
                f"manifests of one archive overlap: parts {said}; give each part once, all of one division",
                exit_code=ExitCode.USAGE,
            )
        (count,) = counts
        missing = sorted(set(range(1, count + 1)) - {part.number for part in parts})
        if missing:
            named = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
            print_error(
                f"warning: of {count} parts, no manifest was given for {named}; nothing is said of those"
            )
