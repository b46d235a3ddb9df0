# SPDX-License-Identifier: Apache-2.0
"""What is proposed to a peer and what is sent by its answer, as PS3.5 10.20, 10.1 and A.5 ask."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framedeflate.dimse.contexts import Answer, Choice, choose, plan_associations, transfer_syntaxes

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
DATA_SET = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"
JPEG = "1.2.840.10008.1.2.4.50"
FRAMES = "1.2.840.10008.1.2.8.1"

SEG = "1.2.840.10008.5.1.4.1.1.66.4"
SR = "1.2.840.10008.5.1.4.1.1.88.33"
MOST = 2**32 - 2


@dataclass(frozen=True)
class One:
    sop_class_uid: str = SEG
    transfer_syntax_uid: str = FRAMES
    has_pixel_data: bool = True
    native_nbytes: int = 4096


@pytest.mark.parametrize(
    ("instance", "deflate", "expected"),
    [
        (One(), False, (FRAMES, EXPLICIT, IMPLICIT)),
        (One(), True, (FRAMES, EXPLICIT, IMPLICIT)),
        (One(native_nbytes=MOST + 2), False, (FRAMES, EXPLICIT, IMPLICIT)),
        (One(transfer_syntax_uid=EXPLICIT), False, (EXPLICIT, IMPLICIT)),
        (One(transfer_syntax_uid=EXPLICIT), True, (FRAMES, EXPLICIT, IMPLICIT)),
        (One(transfer_syntax_uid=IMPLICIT), False, (IMPLICIT, EXPLICIT)),
        (One(transfer_syntax_uid=IMPLICIT), True, (FRAMES, IMPLICIT, EXPLICIT)),
        (One(transfer_syntax_uid=BIG), False, (EXPLICIT, IMPLICIT)),
        (One(transfer_syntax_uid=BIG), True, (FRAMES, EXPLICIT, IMPLICIT)),
        (One(SR, DATA_SET, has_pixel_data=False), True, (DATA_SET, EXPLICIT, IMPLICIT)),
        (One(SR, EXPLICIT, has_pixel_data=False), True, (EXPLICIT, IMPLICIT)),
        (One(transfer_syntax_uid=RLE), True, (RLE, EXPLICIT, IMPLICIT)),
        (One(transfer_syntax_uid=UNCOMPRESSED), False, (UNCOMPRESSED, EXPLICIT, IMPLICIT)),
        (One(transfer_syntax_uid=JPEG), True, (JPEG,)),
    ],
)
def test_what_an_instance_can_be_sent_in(instance: One, deflate: bool, expected: tuple[str, ...]) -> None:
    assert transfer_syntaxes(instance, deflate=deflate) == expected


def answer(*accepted: str, sop_class_uid: str = SEG, unknown: tuple[str, ...] = ()) -> Answer:
    ids = {(sop_class_uid, uid): 2 * number + 1 for number, uid in enumerate(accepted)}
    return Answer(ids, frozenset(unknown))


@pytest.mark.parametrize(
    ("instance", "accepted", "deflate", "expected"),
    [
        (One(), (FRAMES, EXPLICIT, IMPLICIT), False, Choice(FRAMES, 1, "stored")),
        (One(), (EXPLICIT, IMPLICIT), False, Choice(EXPLICIT, 1, "explicit")),
        (One(), (IMPLICIT,), False, Choice(IMPLICIT, 1, "implicit")),
        (One(), (RLE, JPEG), False, Choice(refusal="transfer-syntax")),
        (One(), (), False, Choice(refusal="transfer-syntax")),
        (One(native_nbytes=MOST), (EXPLICIT,), False, Choice(EXPLICIT, 1, "explicit")),
        (One(native_nbytes=MOST + 1), (EXPLICIT, IMPLICIT), False, Choice(refusal="too-large")),
        (One(native_nbytes=MOST + 1), (FRAMES, EXPLICIT), False, Choice(FRAMES, 1, "stored")),
        (One(transfer_syntax_uid=EXPLICIT), (FRAMES, EXPLICIT), False, Choice(EXPLICIT, 3, "stored")),
        (One(transfer_syntax_uid=EXPLICIT), (FRAMES, EXPLICIT), True, Choice(FRAMES, 1, "deflated")),
        (One(transfer_syntax_uid=EXPLICIT), (EXPLICIT,), True, Choice(EXPLICIT, 1, "stored")),
        (One(transfer_syntax_uid=EXPLICIT), (IMPLICIT,), True, Choice(IMPLICIT, 1, "implicit")),
        (One(transfer_syntax_uid=EXPLICIT), (FRAMES,), False, Choice(refusal="transfer-syntax")),
        (One(transfer_syntax_uid=IMPLICIT), (EXPLICIT,), False, Choice(EXPLICIT, 1, "explicit")),
        (One(transfer_syntax_uid=BIG), (BIG, IMPLICIT), False, Choice(IMPLICIT, 3, "implicit")),
        (One(transfer_syntax_uid=JPEG), (EXPLICIT, IMPLICIT), False, Choice(refusal="transfer-syntax")),
        (One(transfer_syntax_uid=JPEG), (EXPLICIT, JPEG), False, Choice(JPEG, 3, "stored")),
        (One(transfer_syntax_uid=RLE), (EXPLICIT,), False, Choice(EXPLICIT, 1, "explicit")),
        (One(SR), (FRAMES,), False, Choice(refusal="transfer-syntax")),
    ],
)
def test_what_is_sent(instance: One, accepted: tuple[str, ...], deflate: bool, expected: Choice) -> None:
    assert choose(instance, answer(*accepted), deflate=deflate) == expected


def test_a_sop_class_that_the_peer_does_not_know() -> None:
    assert choose(One(), answer(unknown=(SEG,))) == Choice(refusal="sop-class")
    assert choose(One(SR), answer(unknown=(SEG,))) == Choice(refusal="transfer-syntax")


KNOWN = [IMPLICIT, EXPLICIT, UNCOMPRESSED, DATA_SET, BIG, RLE, JPEG, FRAMES]
INSTANCES = st.lists(
    st.builds(
        One,
        st.integers(1, 60).map(lambda number: f"1.2.3.{number}"),
        st.one_of(st.sampled_from(KNOWN), st.integers(1, 150).map(lambda number: f"1.9.{number}")),
        st.booleans(),
        st.sampled_from([0, 1, MOST, MOST + 1]),
    ),
    max_size=400,
)


@given(INSTANCES, st.booleans())
def test_every_plan_keeps_to_the_standard(instances: list[One], deflate: bool) -> None:
    plans = plan_associations(instances, deflate=deflate)
    # Each instance is for exactly one association.
    assert sorted(index for plan in plans for index in plan.indices) == list(range(len(instances)))
    for plan in plans:
        ids = [proposal.context_id for proposal in plan.proposals]
        assert ids == list(range(1, 2 * len(ids), 2))
        assert 0 < len(ids) <= 128
        pairs = {proposal[1:] for proposal in plan.proposals}
        assert len(pairs) == len(ids)
        for sop_class, _ in pairs:
            # 10.20, 10.1 and A.5: both native Little Endian syntaxes beside any other.
            assert {(sop_class, EXPLICIT), (sop_class, IMPLICIT)} <= pairs
        for index in plan.indices:
            one = instances[index]
            if one.transfer_syntax_uid != BIG:
                assert (one.sop_class_uid, one.transfer_syntax_uid) in pairs


@given(INSTANCES, st.booleans(), st.randoms(use_true_random=False))
def test_nothing_is_sent_that_was_not_accepted(instances: list[One], deflate: bool, random: object) -> None:
    for plan in plan_associations(instances, deflate=deflate):
        ids = {
            proposal[1:]: proposal.context_id
            for proposal in plan.proposals
            if random.random() < 0.5  # type: ignore[attr-defined]
        }
        for index in plan.indices:
            one = instances[index]
            choice = choose(one, Answer(ids), deflate=deflate)
            if choice.refusal is None:
                assert ids[one.sop_class_uid, choice.transfer_syntax_uid] == choice.context_id
                assert choice.sent_as is not None
                is_native = choice.transfer_syntax_uid in {EXPLICIT, IMPLICIT}
                assert not is_native or one.native_nbytes <= MOST or choice.sent_as == "stored"
            elif choice.refusal == "transfer-syntax":
                wanted = transfer_syntaxes(one, deflate=deflate)
                assert not any((one.sop_class_uid, uid) in ids for uid in wanted)


def test_classes_that_do_not_fit_one_association_take_more() -> None:
    instances = [One(f"1.2.3.{number}") for number in range(100)]
    plans = plan_associations(instances)
    assert [len(plan.proposals) for plan in plans] == [126, 126, 48]
    assert [len(plan.indices) for plan in plans] == [42, 42, 16]


def test_nothing_to_send_needs_no_association() -> None:
    assert plan_associations([]) == []
