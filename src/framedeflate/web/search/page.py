# SPDX-License-Identifier: Apache-2.0
"""What an index finds, before it is written out."""

from dataclasses import dataclass
from typing import Any

from framedeflate.web.representations import StoredInstance

__all__ = ["Match", "Page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One result.

    Attributes
    ----------
    study_instance_uid : str
    series_instance_uid, sop_instance_uid : str or None
        None above their level.
    attributes : dict
        DICOM JSON model of all that is known at this level and above.
    modalities : tuple of str
        In the study.
    study_series, study_instances, series_instances : int
        How many belong to the study and to the series; 0 where the level does not ask.
    stored : StoredInstance or None
        How an instance can be had.
    """

    study_instance_uid: str
    series_instance_uid: str | None = None
    sop_instance_uid: str | None = None
    attributes: dict[str, Any]
    modalities: tuple[str, ...] = ()
    study_series: int = 0
    study_instances: int = 0
    series_instances: int = 0
    stored: StoredInstance | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Results from `offset` on, `limit` at most, and how many there are in all."""

    matches: tuple[Match, ...]
    total: int
