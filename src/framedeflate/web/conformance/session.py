# SPDX-License-Identifier: Apache-2.0
"""What the checks of one run share: the client, the samples, what became of them when they were stored."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from framedeflate.web.conformance.exchange import Answer, Client
from framedeflate.web.conformance.made_samples import RunUids, made_samples
from framedeflate.web.conformance.media import FRAME_SYNTAX, multipart
from framedeflate.web.conformance.multipart import write_payload
from framedeflate.web.conformance.outcomes import CheckFailedError, CheckSkippedError, FeatureNotOfferedError
from framedeflate.web.conformance.samples import Sample, roles_of, sample_of

__all__ = ["JSON", "Session", "StoreResult", "json_of"]

JSON: Final = "application/dicom+json"
_MOST_INSTANCES: Final = 50
_FAILED: Final = "00081198"
_OTHER_FAILED: Final = "0008119A"
_STORED: Final = "00081199"
_INSTANCE: Final = "00081155"


def json_of(answer: Answer) -> Any:
    """Return what an answer of DICOM JSON holds.

    Raises
    ------
    CheckFailedError
        It is none.
    """
    try:
        return json.loads(answer.content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CheckFailedError(
            f"{answer.describe()}: {type(error).__name__}", "JSON in UTF-8 (F.2)"
        ) from error


@dataclass(frozen=True, slots=True)
class StoreResult:
    """What became of a Store: the answer, and the UIDs that its response names."""

    answer: Answer
    stored: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    other_failures: int = 0
    module: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, answer: Answer) -> StoreResult:
        """Read the Store Instances Response Module (Annex I)."""
        try:
            module = json_of(answer)
        except CheckFailedError:
            return cls(answer)
        if isinstance(module, list) and len(module) == 1:
            module = module[0]
        if not isinstance(module, dict):
            return cls(answer)
        return cls(
            answer,
            _instances(module, _STORED),
            _instances(module, _FAILED),
            len(_items(module, _OTHER_FAILED)),
            module,
        )

    def took(self, uid: str) -> bool:
        """Whether the instance counts as stored."""
        return self.answer.status in {200, 202} and uid not in self.failed


def _items(module: Mapping[str, Any], tag: str) -> list[Any]:
    element = module.get(tag)
    items = element.get("Value") if isinstance(element, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _instances(module: Mapping[str, Any], tag: str) -> frozenset[str]:
    found = (item.get(_INSTANCE) for item in _items(module, tag))
    values = (element.get("Value") for element in found if isinstance(element, dict))
    return frozenset(str(value[0]) for value in values if isinstance(value, list) and value)


@dataclass
class Session:
    """What the checks of one run share.

    Attributes
    ----------
    client : Client
        To the server under test.
    samples : dict
        By role; in a run that reads only, what was found there.
    results : dict of StoreResult
        By role: what became of each.
    studies : list of str
        What may be on the server because of this run.
    """

    client: Client
    uids: RunUids = field(default_factory=RunUids.new)
    samples: dict[str, Sample] = field(default_factory=dict)
    results: dict[str, StoreResult] = field(default_factory=dict)
    studies: list[str] = field(default_factory=list)
    read_only: bool = False

    # Before the checks

    def store_samples(self) -> None:
        """Store the samples, each in a request of its own, so that a refusal is about one alone."""
        self.samples = made_samples(self.uids)
        for role, sample in self.samples.items():
            try:
                self.results[role] = self.store([sample])
            except CheckFailedError as error:
                # An answer that broke off: not stored, as far as anybody can tell.
                self.results[role] = StoreResult(Answer(0, {}, error.seen.encode()))

    def find_samples(self, studies: Sequence[str]) -> None:
        """Take samples from studies that are on the server."""
        self.read_only = True
        for study in studies:
            found = json_of(self.get(f"/studies/{study}/instances?limit={_MOST_INSTANCES}", JSON))
            for entry in found[:_MOST_INSTANCES] if isinstance(found, list) else []:
                self._find(study, entry)

    def _find(self, study: str, entry: Any) -> None:
        try:
            series, uid = (str(entry[tag]["Value"][0]) for tag in ("0020000E", "00080018"))
            path = f"/studies/{study}/series/{series}/instances/{uid}"
            answer = self.get(path, multipart("application/dicom", "*"))
            sample = sample_of(answer.payload.parts[0].content)
            roles = roles_of(sample)
        except (CheckFailedError, ValueError, LookupError, TypeError, AttributeError):
            # Not an image, or not readable: the checks of other samples go on without it.
            return
        for role in roles:
            self.samples.setdefault(role, sample)
            self.results.setdefault(role, StoreResult(answer))

    # For the checks

    def get(self, path: str, accept: str | None = "*/*", **headers: str) -> Answer:
        """Send a GET; names of fields with "_" for "-"."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.send("GET", path, accept=accept, headers=fields)

    def store(self, samples: Sequence[Sample], *, path: str = "/studies") -> StoreResult:
        """Store instances in one request."""
        return self.store_parts([("application/dicom", sample.file) for sample in samples], path=path)

    def store_parts(
        self,
        parts: Sequence[tuple[str, bytes]],
        *,
        path: str = "/studies",
        part_type: str = "application/dicom",
    ) -> StoreResult:
        """Store parts in one request."""
        boundary = uuid.uuid4().hex
        return self.store_body(
            write_payload(parts, boundary),
            f'multipart/related; type="{part_type}"; boundary={boundary}',
            path=path,
        )

    def store_body(
        self, body: bytes, content_type: str, *, path: str = "/studies", **headers: str
    ) -> StoreResult:
        """Send a Store's payload as it is."""
        fields = {
            "Content-Type": content_type,
            **{key.replace("_", "-"): value for key, value in headers.items()},
        }
        return StoreResult.of(self.client.send("POST", path, accept=JSON, body=body, headers=fields))

    def sample(self, role: str) -> Sample:
        """Return the sample of that role, where it is on the server.

        Raises
        ------
        FeatureNotOfferedError
            It is in the syntax that the server does not take.
        CheckSkippedError
            It is not there.
        """
        sample = self.samples.get(role)
        if sample is None:
            raise CheckSkippedError(f"no sample for “{role}”")
        result = self.results[role]
        if self.read_only or result.took(sample.uid):
            return sample
        if sample.syntax == FRAME_SYNTAX:
            raise FeatureNotOfferedError(f"the deflated instance was not stored: {result.answer.describe()}")
        raise CheckSkippedError(f"“{role}” was not stored: {result.answer.describe()}")

    @property
    def stored(self) -> dict[str, Sample]:
        """All that are on the server, by role."""
        there = (
            role for role in self.samples if self.read_only or self.results[role].took(self.samples[role].uid)
        )
        return {role: self.samples[role] for role in there}

    def of_study(self, sample: Sample) -> list[Sample]:
        """Return all that is on the server of a sample's study, itself among them."""
        return [one for one in self.stored.values() if one.study == sample.study]

    def of_series(self, sample: Sample) -> list[Sample]:
        """Return all that is on the server of a sample's series, itself among them."""
        return [one for one in self.stored.values() if one.series == sample.series]

    def any_sample(self) -> Sample:
        """Return a sample that is on the server, whichever; the plainest first."""
        for role in (
            "native",
            "native-frames",
            "native-bits",
            "bits",
            "labels",
            "single",
            "colour",
            "data-set",
            "implicit",
        ):
            if role in self.stored:
                return self.stored[role]
        raise CheckSkippedError("nothing was stored")
