# SPDX-License-Identifier: Apache-2.0
"""What is done to each file of an archive. Two runs with the same settings write the same bytes."""

from dataclasses import asdict, dataclass
from typing import Any

from framedeflate.frame_codec import DEFAULT_LEVEL
from framedeflate.transcode import Policy

__all__ = ["CompressSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressSettings:
    """How files are compressed; parameters of `compress_file` where they have its names.

    Converting colour is not among them: it makes another SOP Instance UID each time.

    Attributes
    ----------
    level : int or None
        1 to 9; None is `DEFAULT_LEVEL` for Frames, and that of `compress_data_set_file` for whole Data Sets.
    threads : int
        Worker threads for one file. The bytes written do not depend on it.
    policy : {"all", "bilevel"}
        Which images are worth it.
    min_gain : float or None
        What part of its size a file must become smaller by.
    whole_data_sets : bool
        Deflate the whole Data Set (PS3.5 A.5) where Frames cannot be.
    copy_others : bool
        Copy what is not compressed, so that the archive stays whole.
    check, strict : bool
        As `compress_file`.
    overwrite : bool
        Replace files at the destination that no earlier run put there.
    """

    level: int | None = None
    threads: int = 1
    policy: Policy = "all"
    min_gain: float | None = None
    whole_data_sets: bool = False
    copy_others: bool = False
    check: bool = True
    strict: bool = True
    overwrite: bool = False

    @property
    def frames_level(self) -> int:
        """The level for Frames."""
        return self.level or DEFAULT_LEVEL

    def that_matter(self) -> dict[str, Any]:
        """Return what a result depends on, for comparing runs."""
        settings = asdict(self)
        for name in ("threads", "check", "overwrite"):
            del settings[name]
        return {**settings, "level": self.frames_level}
