# SPDX-License-Identifier: Apache-2.0
"""Where a transcoded file goes."""

import os
import shutil
from pathlib import Path

__all__ = ["resolve_destination"]


def resolve_destination(
    source: Path, destination: str | os.PathLike[str] | None, *, in_place: bool, overwrite: bool
) -> tuple[Path, bool]:
    """Return the final name and whether a file of that name is replaced.

    Raises
    ------
    ValueError
        Neither a destination nor `in_place`, or both.
    shutil.SameFileError
        The destination is the source and `in_place` was not asked for.
    """
    if in_place:
        if destination is not None and not _is_same(source, Path(destination)):
            raise ValueError("in_place replaces the source; it cannot be combined with another destination")
        # The source may be a link: the file it names is replaced, not the link.
        return source.resolve(), True
    if destination is None:
        raise ValueError("name a destination, or ask for in_place=True")
    final = Path(destination)
    if _is_same(source, final):
        raise shutil.SameFileError(f"{final} is the source itself; in_place=True replaces it")
    return final, overwrite


def _is_same(source: Path, destination: Path) -> bool:
    return destination.exists() and source.exists() and source.samefile(destination)
