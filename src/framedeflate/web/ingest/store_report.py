# SPDX-License-Identifier: Apache-2.0
"""What a Store is answered with: the Store Instances Response Module (PS3.18 Annex I) as JSON or XML."""

import json
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from framedeflate.web.ingest.failure_reasons import FAILURE_REASONS, status_without_success
from framedeflate.web.metadata.native_model import native_model_of

__all__ = ["FailedInstance", "StoreReport", "StoredReference"]

_Attributes: TypeAlias = dict[str, tuple[str, list[object]]]
"""By keyword: Value Representation and values; those of a sequence are mappings alike."""

_TAGS: Final = {
    "ReferencedSOPClassUID": 0x00081150,
    "ReferencedSOPInstanceUID": 0x00081155,
    "RetrieveURL": 0x00081190,
    "FailureReason": 0x00081197,
    "FailedSOPSequence": 0x00081198,
    "ReferencedSOPSequence": 0x00081199,
    "OtherFailuresSequence": 0x0008119A,
}


@dataclass(frozen=True, slots=True)
class StoredReference:
    """An instance that is safe on disk and in the index, now or from before."""

    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class FailedInstance:
    """An instance that was not stored.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid : str
        As it names itself.
    name : str
        One of `FAILURE_REASONS`.
    """

    sop_class_uid: str
    sop_instance_uid: str
    name: str


@dataclass(slots=True)
class StoreReport:
    """What came of one payload.

    Attributes
    ----------
    stored : list of StoredReference
    failed : list of FailedInstance
    other : list of str
        Failures of parts that name no instance, each one of `FAILURE_REASONS`.
    """

    stored: list[StoredReference] = field(default_factory=list)
    failed: list[FailedInstance] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    @property
    def status(self) -> int:
        """HTTP status (Table 10.5.3-1)."""
        if not self.stored:
            return status_without_success({*self.other, *(one.name for one in self.failed)})
        return 202 if self.failed or self.other else 200

    @property
    def study_instance_uid(self) -> str | None:
        """The Study of all that was stored; None where there are several, or none."""
        studies = {one.study_instance_uid for one in self.stored}
        return studies.pop() if len(studies) == 1 else None

    def study_url(self, root: str) -> str | None:
        """Return the URL of that Study."""
        uid = self.study_instance_uid
        return None if uid is None else f"{root}/studies/{uid}"

    def json(self, root: str) -> bytes:
        """Return the module as DICOM JSON (PS3.18 F).

        Parameters
        ----------
        root : str
            URL of the service, without a slash at its end.
        """
        return json.dumps(_json_of(self._module(root)), separators=(",", ":")).encode("ascii")

    def xml(self, root: str) -> bytes:
        """Return the module as Native DICOM Model (PS3.19 A.1)."""
        return native_model_of(_json_of(self._module(root)))

    def _module(self, root: str) -> _Attributes:
        study_url = self.study_url(root)
        # Type 2: there, and empty where no one Study can be named.
        module: _Attributes = {"RetrieveURL": ("UR", [] if study_url is None else [study_url])}
        if self.failed:
            module["FailedSOPSequence"] = ("SQ", [_failed(one) for one in self.failed])
        if self.stored:
            module["ReferencedSOPSequence"] = ("SQ", [_stored(one, root) for one in self.stored])
        if self.other:
            module["OtherFailuresSequence"] = (
                "SQ",
                [{"FailureReason": _reason(name)} for name in self.other],
            )
        return module


def _stored(one: StoredReference, root: str) -> _Attributes:
    url = (
        f"{root}/studies/{one.study_instance_uid}/series/{one.series_instance_uid}"
        f"/instances/{one.sop_instance_uid}"
    )
    return {**_reference(one.sop_class_uid, one.sop_instance_uid), "RetrieveURL": ("UR", [url])}


def _failed(one: FailedInstance) -> _Attributes:
    return {**_reference(one.sop_class_uid, one.sop_instance_uid), "FailureReason": _reason(one.name)}


def _reference(sop_class_uid: str, sop_instance_uid: str) -> _Attributes:
    return {
        "ReferencedSOPClassUID": ("UI", [sop_class_uid]),
        "ReferencedSOPInstanceUID": ("UI", [sop_instance_uid]),
    }


def _reason(name: str) -> tuple[str, list[object]]:
    return "US", [FAILURE_REASONS[name].code]


def _json_of(attributes: _Attributes) -> dict[str, Any]:
    return {
        f"{_TAGS[keyword]:08X}": {"vr": vr, **({"Value": list(map(_json_value, values))} if values else {})}
        for keyword, (vr, values) in sorted(attributes.items(), key=lambda pair: _TAGS[pair[0]])
    }


def _json_value(value: object) -> object:
    return _json_of(value) if isinstance(value, dict) else value
