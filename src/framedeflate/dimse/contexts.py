# SPDX-License-Identifier: Apache-2.0
"""Presentation contexts for what is to be sent, and what is sent for each instance once the peer has answered.

Nothing here opens a file or a connection. PS3.5 10.20 and 10.1 ask that who offers a lossless Transfer Syntax for a SOP
Class also offers Implicit VR Little Endian for it, A.5 asks for Explicit VR Little Endian. A presentation context with
several Transfer Syntaxes lets the acceptor choose one for all instances; with one each, the sender chooses for every
instance, so each is alone here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from framedeflate.transfer_syntax import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    NATIVE,
    RLE_LOSSLESS,
)

__all__ = [
    "MAX_CONTEXTS",
    "MAX_NATIVE_NBYTES",
    "Answer",
    "AssociationPlan",
    "Choice",
    "Proposal",
    "Queued",
    "Refusal",
    "SentAs",
    "choose",
    "plan_associations",
    "transfer_syntaxes",
]

MAX_CONTEXTS: Final = 128
"""Presentation contexts of one association: their IDs are the odd numbers from 1 to 255 (PS3.8 9.3.2.2)."""

MAX_NATIVE_NBYTES: Final = 2**32 - 2
"""What the 32-bit length of native Pixel Data can state (PS3.5 7.1)."""

SentAs: TypeAlias = Literal["stored", "explicit", "implicit", "deflated"]
"""The file's own bytes | in Explicit VR Little Endian | in Implicit VR Little Endian | deflated on the way."""

Refusal: TypeAlias = Literal["sop-class", "transfer-syntax", "too-large"]
"""Why an instance cannot go to this peer."""

_ALWAYS: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)

_RECODABLE: Final = NATIVE | {
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    ENCAPSULATED_UNCOMPRESSED,
    RLE_LOSSLESS,
}
"""What is made native on the way without another decoder's help, and without a changed sample."""


class Queued(Protocol):
    """What negotiation asks of an instance."""

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID (0008,0016)."""

    @property
    def transfer_syntax_uid(self) -> str:
        """How its Data Set is encoded."""

    @property
    def has_pixel_data(self) -> bool:
        """Whether there are Frames that Deflated Image Frame Compression can carry."""

    @property
    def native_nbytes(self) -> int:
        """Bytes of its Pixel Data once native; 0 without any."""


class Proposal(NamedTuple):
    """One presentation context.

    Attributes
    ----------
    context_id : int
        Odd, from 1 to 255.
    sop_class_uid : str
        The Abstract Syntax.
    transfer_syntax_uid : str
        The only one in it.
    """

    context_id: int
    sop_class_uid: str
    transfer_syntax_uid: str


@dataclass(frozen=True, slots=True)
class AssociationPlan:
    """What one association proposes, and for whom.

    Attributes
    ----------
    proposals : tuple of Proposal
        At most 128.
    indices : tuple of int
        Which of the queued instances it is for, from 0, in their order.
    """

    proposals: tuple[Proposal, ...]
    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the peer said to the proposals.

    Attributes
    ----------
    context_ids : mapping of (str, str) to int
        The accepted presentation context of a SOP Class and a Transfer Syntax.
    unknown_sop_classes : frozenset of str
        SOP Classes that the peer does not take in any Transfer Syntax (result 3, PS3.8 9.3.3.2).
    """

    context_ids: Mapping[tuple[str, str], int]
    unknown_sop_classes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Choice:
    """What is sent for one instance.

    Attributes
    ----------
    transfer_syntax_uid : str
        How it is encoded on the wire; empty where it is refused.
    context_id : int
        Of the presentation context; 0 where it is refused.
    sent_as : str or None
        ``stored`` | ``explicit`` | ``implicit`` | ``deflated``; None where it is refused.
    refusal : str or None
        ``sop-class`` (the peer takes none of its kind) | ``transfer-syntax`` (none in which it could be sent) |
        ``too-large`` (its native Pixel Data would pass 2^32-2 bytes, and the peer takes no other).
    """

    transfer_syntax_uid: str = ""
    context_id: int = 0
    sent_as: SentAs | None = None
    refusal: Refusal | None = None


def transfer_syntaxes(instance: Queued, *, deflate: bool = False) -> tuple[str, ...]:
    """Return the Transfer Syntaxes in which an instance can be sent, the best first.

    Its own comes first: those bytes need no work. Explicit VR comes before Implicit VR, which loses the VRs of private
    elements. A size that native Pixel Data cannot have is left to `choose`: that is about this instance, and its SOP
    Class is offered in all of them.

    Parameters
    ----------
    instance : Queued
        The instance.
    deflate : bool
        Whether native images are preferably deflated on the way.
    """
    stored = instance.transfer_syntax_uid
    if stored not in _RECODABLE:
        return (stored,)
    wanted: list[str] = []
    if deflate and stored in NATIVE and instance.has_pixel_data:
        wanted.append(DEFLATED_IMAGE_FRAME_COMPRESSION)
    # Big Endian is retired: whoever can be asked takes one of the others.
    if stored != EXPLICIT_VR_BIG_ENDIAN:
        wanted.append(stored)
    return tuple(dict.fromkeys((*wanted, *_ALWAYS)))


def plan_associations(instances: Sequence[Queued], *, deflate: bool = False) -> list[AssociationPlan]:
    """Return the associations that all instances need: one, unless that takes more than 128 presentation contexts.

    What is proposed for a SOP Class stands together with its Explicit and Implicit VR Little Endian.

    Parameters
    ----------
    instances : sequence of Queued
        What is to be sent.
    deflate : bool
        As `transfer_syntaxes`.
    """
    classes: dict[str, _SopClass] = {}
    for index, instance in enumerate(instances):
        one = classes.setdefault(instance.sop_class_uid, _SopClass())
        for uid in transfer_syntaxes(instance, deflate=deflate):
            one.syntaxes.setdefault(uid)
        one.indices.setdefault(instance.transfer_syntax_uid, []).append(index)
    plans: list[AssociationPlan] = []
    pairs: list[tuple[str, str]] = []
    indices: list[int] = []
    for sop_class_uid, one in classes.items():
        for syntaxes, theirs in one.bundles():
            if len(pairs) + len(syntaxes) > MAX_CONTEXTS:
                plans.append(_plan(pairs, indices))
                pairs, indices = [], []
            pairs += [(sop_class_uid, uid) for uid in syntaxes]
            indices += theirs
    if pairs:
        plans.append(_plan(pairs, indices))
    return plans


@dataclass(slots=True)
class _SopClass:
    """What is proposed for a SOP Class: Transfer Syntaxes in the order in which they were wanted, and for whom."""

    syntaxes: dict[str, None] = field(default_factory=dict)
    indices: dict[str, list[int]] = field(default_factory=dict)
    """Of instances, by how they are stored."""

    def bundles(self) -> Iterator[tuple[list[str], list[int]]]:
        """Yield Transfer Syntaxes that fit one association, with the two that always belong there, and instances."""
        special = [uid for uid in self.syntaxes if uid not in _ALWAYS]
        room = MAX_CONTEXTS - len(_ALWAYS)
        for start in range(0, max(1, len(special)), room):
            chunk = special[start : start + room]
            is_first = start == 0
            indices = [
                index
                for stored, theirs in self.indices.items()
                if stored in chunk or (is_first and stored not in special)
                for index in theirs
            ]
            yield [*chunk, *_ALWAYS], sorted(indices)


def _plan(pairs: Sequence[tuple[str, str]], indices: Sequence[int]) -> AssociationPlan:
    proposals = tuple(Proposal(2 * number + 1, *pair) for number, pair in enumerate(pairs))
    return AssociationPlan(proposals, tuple(sorted(indices)))


def choose(instance: Queued, answer: Answer, *, deflate: bool = False) -> Choice:
    """Return what is sent for an instance: the best that the peer accepted for its SOP Class, or why nothing.

    Parameters
    ----------
    instance : Queued
        The instance.
    answer : Answer
        What the peer accepted.
    deflate : bool
        As `transfer_syntaxes`.
    """
    is_too_large = False
    for uid in transfer_syntaxes(instance, deflate=deflate):
        context_id = answer.context_ids.get((instance.sop_class_uid, uid))
        if context_id is None:
            continue
        if _outgrows(instance, uid):
            is_too_large = True
            continue
        return Choice(uid, context_id, _sent_as(instance, uid))
    if is_too_large:
        return Choice(refusal="too-large")
    if instance.sop_class_uid in answer.unknown_sop_classes:
        return Choice(refusal="sop-class")
    return Choice(refusal="transfer-syntax")


def _outgrows(instance: Queued, uid: str) -> bool:
    """Whether the instance would have to become native and cannot."""
    return (
        uid in NATIVE and uid != instance.transfer_syntax_uid and instance.native_nbytes > MAX_NATIVE_NBYTES
    )


def _sent_as(instance: Queued, uid: str) -> SentAs:
    if uid == instance.transfer_syntax_uid:
        return "stored"
    if uid == DEFLATED_IMAGE_FRAME_COMPRESSION:
        return "deflated"
    return "implicit" if uid == IMPLICIT_VR_LITTLE_ENDIAN else "explicit"
