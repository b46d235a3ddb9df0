# SPDX-License-Identifier: Apache-2.0
"""What each peer accepted last time, in a small JSON file: something to prepare for, never to rely on."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from framedeflate.atomic_file import atomic_file
from framedeflate.dimse.contexts import Answer

__all__ = ["read_guess", "remember"]

_MAX_NBYTES: Final = 16 << 20


def read_guess(path: Path, peer: str) -> Answer | None:
    """Return what a peer accepted; None where it is not known. A broken file knows nothing."""
    pairs = _read(path).get(peer)
    if not isinstance(pairs, list):
        return None
    known = [tuple(pair) for pair in pairs if isinstance(pair, list) and len(pair) == 2]
    # The context IDs are those of an association that has ended.
    return Answer({(str(sop_class), str(uid)): 0 for sop_class, uid in known})


def remember(path: Path, peer: str, answers: Mapping[tuple[str, str], bool]) -> None:
    """Write what a peer said: of each SOP Class and Transfer Syntax, whether it was accepted.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    peers = _read(path)
    before = read_guess(path, peer)
    pairs = set(before.context_ids) if before is not None else set()
    pairs -= {pair for pair, is_accepted in answers.items() if not is_accepted}
    pairs |= {pair for pair, is_accepted in answers.items() if is_accepted}
    peers[peer] = sorted(list(pair) for pair in pairs)
    with atomic_file(path, overwrite=True) as file:
        file.write(json.dumps(peers, indent=1).encode("ascii"))


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        if path.stat().st_size <= _MAX_NBYTES:
            found = json.loads(path.read_text(encoding="ascii"))
            if isinstance(found, dict):
                return found
    return {}
