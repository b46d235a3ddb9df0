# SPDX-License-Identifier: Apache-2.0
"""What both sides say of themselves when an association begins, and what becomes of offers that nobody takes up."""

import ssl
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

pytest.importorskip("pynetdicom")
from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import build_role

from framedeflate.dimse.commitment_report import Peer as ReportPeer
from framedeflate.dimse.receiver import ReceiverLimits
from framedeflate.dimse.sender import send_files
from framedeflate.dimse.tls import TlsFiles, requestor_context
from framedeflate.transcode.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from receiving import EXPLICIT, IMPLICIT, SEG, receiving, segmentation

OURS = (IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME)
COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"


def test_who_sends_says_what_its_files_say(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    segmentation().save_as(path, enforce_file_format=True)
    asked: list[Any] = []
    node = AE()
    node.add_supported_context(SEG, [EXPLICIT, IMPLICIT])
    server = node.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[
            (evt.EVT_REQUESTED, lambda event: asked.append(event.assoc.requestor)),
            (evt.EVT_C_STORE, lambda _event: 0x0000),
        ],
    )
    assert server is not None
    try:
        (result,) = send_files("127.0.0.1", server.server_address[1], [path])
    finally:
        node.shutdown()
    assert result.is_stored
    (requestor,) = asked
    assert (requestor.implementation_class_uid, requestor.implementation_version_name) == OURS
    assert (requestor.ae_title, requestor.primitive.called_ae_title) == ("FRAMEDEFLATE", "ANY-SCP")
    assert requestor.primitive.application_context_name == "1.2.840.10008.3.1.1.1"
    assert requestor.maximum_length == 16382
    # Nothing beyond presentation contexts is negotiated.
    assert not requestor.role_selection
    assert not requestor.sop_class_extended
    assert not requestor.sop_class_common_extended
    assert requestor.user_identity is None
    assert requestor.asynchronous_operations == (1, 1)


def test_who_receives_says_what_its_files_say(tmp_path: Path) -> None:
    limits = ReceiverLimits(pdu_nbytes=1 << 15)
    with (
        receiving(tmp_path / "store", limits=limits) as running,
        running.association((SEG, [EXPLICIT])) as association,
    ):
        acceptor = association.acceptor
        assert (acceptor.implementation_class_uid, acceptor.implementation_version_name) == OURS
        assert acceptor.maximum_length == 1 << 15


def test_who_reports_commitment_says_so_too_and_swaps_the_roles(tmp_path: Path) -> None:
    asked: list[Any] = []
    listener = AE("ASKS")
    listener.add_supported_context(COMMITMENT, [EXPLICIT, IMPLICIT], scu_role=True, scp_role=True)
    server = listener.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[
            (evt.EVT_REQUESTED, lambda event: asked.append(event.assoc.requestor)),
            (evt.EVT_N_EVENT_REPORT, lambda _event: (0x0000, None)),
        ],
    )
    assert server is not None
    try:
        reached = ReportPeer("127.0.0.1", server.server_address[1])
        with receiving(tmp_path / "store", peers={"ASKS": reached}) as running:
            assert running.send(segmentation(), EXPLICIT) == 0
            with running.association((COMMITMENT, [EXPLICIT]), calling="ASKS") as association:
                item = Dataset()
                item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = UID(SEG), UID("2.25.1")
                request = Dataset()
                request.TransactionUID = UID("2.25.777")
                request.ReferencedSOPSequence = [item]
                status, _ = association.send_n_action(request, 1, COMMITMENT, COMMITMENT_INSTANCE)
                assert status.Status == 0x0000
            assert running.report().is_delivered
    finally:
        listener.shutdown()
    (requestor,) = asked
    assert (requestor.implementation_class_uid, requestor.implementation_version_name) == OURS
    (role,) = requestor.role_selection.values()
    assert (role.sop_class_uid, role.scp_role) == (COMMITMENT, True)


def test_what_a_peer_offers_beyond_contexts_is_not_taken_up_and_does_no_harm(tmp_path: Path) -> None:
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked = window.maximum_number_operations_performed = 8
    user = UserIdentityNegotiation()
    user.user_identity_type, user.primary_field, user.positive_response_requested = 1, b"somebody", True
    levels = SOPClassExtendedNegotiation()
    levels.sop_class_uid, levels.service_class_application_information = UID(SEG), b"\2\0\3\0\1\0"
    offered = [window, user, levels, build_role(SEG, scp_role=True)]
    with (
        receiving(tmp_path / "store") as running,
        running.association((SEG, [EXPLICIT]), ext_neg=offered) as association,
    ):
        assert association.is_established
        acceptor = association.acceptor
        assert acceptor.asynchronous_operations == (1, 1)
        assert acceptor.user_identity is None
        assert not acceptor.sop_class_extended
        assert not any(role.scp_role for role in acceptor.role_selection.values())
        assert association.send_c_store(segmentation()).Status == 0x0000


def test_tls_before_1_2_is_not_spoken() -> None:
    # PS3.15 B.12 and BCP 195.
    assert requestor_context(TlsFiles()).minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("options", "calling", "called", "said"),
    [
        # Result, source, diagnostic of A-ASSOCIATE-RJ (PS3.8 9.3.4).
        ({"require_called_ae_title": True}, "TESTER", "ELSE", (1, 1, 7)),
        ({"ae_titles": ["ELSE"]}, "TESTER", "FRAMEDEFLATE", (1, 1, 3)),
        ({"limits": ReceiverLimits(associations=1)}, "TESTER", "FRAMEDEFLATE", (2, 3, 2)),
    ],
)
def test_why_an_association_is_rejected(
    tmp_path: Path, options: dict[str, Any], calling: str, called: str, said: tuple[int, int, int]
) -> None:
    context = (SEG, [EXPLICIT])
    with receiving(tmp_path / "store", **options) as running, ExitStack() as stack:
        if "limits" in options:
            stack.enter_context(running.association(context))
        with running.association(context, calling=calling, ae_title=called) as association:
            assert association.is_rejected
            answer = association.acceptor.primitive
            assert (answer.result, answer.result_source, answer.diagnostic) == said


def test_why_a_context_is_rejected(tmp_path: Path) -> None:
    contexts = [
        (SEG, [EXPLICIT]),
        ("1.2.840.10008.5.1.4.1.2.2.1", [EXPLICIT]),
        (SEG, ["1.2.840.10008.1.2.4.95"]),
    ]
    with receiving(tmp_path / "store") as running, running.association(*contexts) as association:
        # PS3.8 Table 9-18: 3 for the abstract syntax, 4 for the Transfer Syntaxes.
        assert sorted(context.result for context in association.rejected_contexts) == [3, 4]


def test_only_this_machine_reaches_a_receiver_unless_told_otherwise(tmp_path: Path) -> None:
    with receiving(tmp_path / "store") as running:
        assert running.receiver._server is not None
        assert running.receiver._server.server_address[0] == "127.0.0.1"
