# SPDX-License-Identifier: Apache-2.0
"""Which machine does which part of an archive."""

from dataclasses import dataclass
from hashlib import blake2b

__all__ = ["Shard"]


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of an archive that one machine does.

    Attributes
    ----------
    number, count : int
        Which, from 1, and of how many.
    """

    number: int = 1
    count: int = 1

    def has(self, path: str) -> bool:
        """Whether a path falls to this part: a matter of the path alone, so no two machines need to talk."""
        if self.count == 1:
            return True
        digest = blake2b(path.encode("utf-8", "surrogateescape"), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"
