# SPDX-License-Identifier: Apache-2.0
"""Which machine does which part of an archive."""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

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

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the part that a text such as 3/8 names.

        Raises
        ------
        ValueError
            It names none.
        """
        match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise ValueError(f"{text!r} is no part such as 1/8, 2/8, ... 8/8")
        return cls(int(match[1]), int(match[2]))

    def has(self, path: str) -> bool:
        """Whether a path falls to this part: a matter of the path alone, so no two machines need to talk."""
        if self.count == 1:
            return True
        digest = blake2b(path.encode("utf-8", "surrogateescape"), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"
