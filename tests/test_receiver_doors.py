# SPDX-License-Identifier: Apache-2.0
"""Who is let in, and how much of the machine they may take."""

import ipaddress
import socket
import ssl
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

from dimse_peers import free_port
from framedeflate.dimse.commitment_report import Peer as ReportPeer
from framedeflate.dimse.commitment_request import Commitment, request_commitment
from framedeflate.dimse.peer_association import Peer as SendPeer
from framedeflate.dimse.receiver import Receiver, ReceiverLimits
from framedeflate.dimse.sender import send_files
from framedeflate.dimse.tls import TlsFiles, acceptor_context, requestor_context
from framedeflate.errors import TlsSettingsError
from framedeflate.instance_store import InstanceStore
from peers import require_peer
from receiving import EXPLICIT, SEG, Running, encoded, files_of, receiving, segmentation, store_bytes

ECHO = ("1.2.840.10008.1.1", [EXPLICIT])


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority's certificate, one that it signed for 127.0.0.1, and one that nobody signed."""
    openssl = require_peer("openssl")
    folder = tmp_path_factory.mktemp("certificates")

    def run(*arguments: object) -> None:
        subprocess.run([openssl, *map(str, arguments)], check=True, capture_output=True, timeout=60)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for name in ("authority", "stranger"):
        files = ("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")
        run("req", "-x509", *key, "-subj", f"/CN={name}", *files)
    run("req", *key[:-2], "-subj", "/CN=node", "-keyout", folder / "node.key", "-out", folder / "node.csr")
    signing = ("-CA", folder / "authority.pem", "-CAkey", folder / "authority.key", "-CAcreateserial")
    names = ("-extfile", folder / "names", "-days", "2")
    run("x509", "-req", "-in", folder / "node.csr", *signing, *names, "-out", folder / "node.pem")
    return folder


def files(folder: Path, name: str | None, authority: str | None = "authority") -> TlsFiles:
    trusted = None if authority is None else folder / f"{authority}.pem"
    if name is None:
        return TlsFiles(authorities=trusted)
    return TlsFiles(folder / f"{name}.pem", folder / f"{name}.key", trusted)


@pytest.mark.parametrize(
    ("require", "shown", "is_let_in"),
    [(False, None, True), (True, "node", True), (True, "stranger", False), (True, None, False)],
)
def test_tls(
    tmp_path: Path, certificates: Path, *, require: bool, shown: str | None, is_let_in: bool
) -> None:
    tls = acceptor_context(files(certificates, "node"), require_certificate=require)
    client = requestor_context(files(certificates, shown))
    with receiving(tmp_path / "store", tls=tls) as running:
        with running.association((SEG, [EXPLICIT]), tls_args=(client, "127.0.0.1")) as association:
            sent = False
            if association.is_established:
                sent = store_bytes(association, encoded(segmentation()), SEG, "2.25.1") == 0
            assert sent == is_let_in
        if require:
            with running.association(ECHO) as association:
                assert not association.is_established, "without TLS"
    assert len(files_of(tmp_path / "store")) == is_let_in


def test_a_server_that_the_authority_did_not_sign_is_not_trusted(tmp_path: Path, certificates: Path) -> None:
    tls = acceptor_context(files(certificates, "stranger", None), require_certificate=False)
    client = requestor_context(files(certificates, None))
    with (
        receiving(tmp_path / "store", tls=tls) as running,
        running.association(ECHO, tls_args=(client, "127.0.0.1")) as association,
    ):
        assert not association.is_established


def test_commitment_is_asked_for_and_reported_by_tls(tmp_path: Path, certificates: Path) -> None:
    own = files(certificates, "node")
    connecting, listening = requestor_context(own), acceptor_context(own, require_certificate=True)
    port = free_port()
    told = {"FRAMEDEFLATE": ReportPeer("127.0.0.1", port)}
    options = {"tls": listening, "peers": told, "peer_tls": connecting}
    with receiving(tmp_path / "store", **options) as running:
        path = tmp_path / "seg.dcm"
        segmentation().save_as(path, enforce_file_format=True)
        results = send_files("127.0.0.1", running.port, [path], tls=connecting)
        peer = SendPeer(host="127.0.0.1", port=running.port, tls=connecting)
        (said,) = request_commitment(peer, results, port=port, listen_tls=listening, wait_seconds=20)
    assert said == Commitment("committed", "2.25.1")
    assert [report.is_delivered for report in running.reports] == [True]


def test_tls_settings_that_cannot_work_are_refused(tmp_path: Path, certificates: Path) -> None:
    no_certificate = TlsFiles()
    with pytest.raises(TlsSettingsError):
        acceptor_context(no_certificate, require_certificate=False)
    with pytest.raises(TlsSettingsError):
        acceptor_context(files(certificates, "node", None), require_certificate=True)
    mixed = TlsFiles(certificates / "node.pem", certificates / "stranger.key")
    with pytest.raises(TlsSettingsError):
        acceptor_context(mixed, require_certificate=False)
    with pytest.raises(TlsSettingsError):
        requestor_context(TlsFiles(authorities=tmp_path / "missing.pem"))
    assert acceptor_context(files(certificates, "node"), require_certificate=True).minimum_version == (
        ssl.TLSVersion.TLSv1_2
    )


def test_a_handshake_that_never_comes_keeps_nobody_waiting(tmp_path: Path, certificates: Path) -> None:
    tls = acceptor_context(files(certificates, "node"), require_certificate=False)
    client = requestor_context(files(certificates, None))
    with (
        receiving(tmp_path / "store", tls=tls) as running,
        socket.create_connection(("127.0.0.1", running.port)),
        running.association(ECHO, tls_args=(client, "127.0.0.1")) as association,
    ):
        assert association.send_c_echo().Status == 0


def test_ae_titles(tmp_path: Path) -> None:
    with receiving(
        tmp_path / "store", ae_title="STORE", require_called_ae_title=True, ae_titles=["TESTER"]
    ) as running:
        for calling, called, is_let_in in (
            ("TESTER", "STORE", True),
            ("OTHER", "STORE", False),
            ("TESTER", "ELSE", False),
        ):
            with running.association(ECHO, calling=calling, ae_title=called) as association:
                assert association.is_established == is_let_in
                assert association.is_rejected != is_let_in


@pytest.mark.parametrize(("network", "is_let_in"), [("127.0.0.0/8", True), ("10.0.0.0/8", False)])
def test_addresses(tmp_path: Path, network: str, *, is_let_in: bool) -> None:
    with (
        receiving(tmp_path / "store", networks=[ipaddress.ip_network(network)]) as running,
        running.association(ECHO) as association,
    ):
        assert association.is_established == is_let_in


def test_the_number_of_associations(tmp_path: Path) -> None:
    with (
        receiving(tmp_path / "store", limits=ReceiverLimits(associations=1)) as running,
        running.association(ECHO) as first,
        running.association(ECHO) as second,
    ):
        assert first.is_established
        assert second.is_rejected


def test_the_number_of_connections(tmp_path: Path) -> None:
    with receiving(tmp_path / "store", limits=ReceiverLimits(associations=1)) as running:
        opened = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(18)]
        opened[-1].settimeout(10)
        assert opened[-1].recv(1) == b""
        for connection in opened:
            connection.close()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with running.association(ECHO) as association:
                if association.is_established:
                    return
            time.sleep(0.2)
        pytest.fail("connections that were closed still count")


def test_a_pdu_that_claims_gigabytes(tmp_path: Path) -> None:
    with receiving(tmp_path / "store") as running:
        with socket.create_connection(("127.0.0.1", running.port)) as stranger:
            stranger.settimeout(10)
            stranger.sendall(struct.pack(">BBL", 1, 0, 0xFFFFFFFF) + bytes(100))
            assert stranger.recv(100) == b""
        _still_answers(running)


def test_a_pdu_that_does_not_come_in_time_and_silence(tmp_path: Path) -> None:
    limits = ReceiverLimits(pdu_seconds=0.4, idle_seconds=0.4)
    with receiving(tmp_path / "store", limits=limits) as running:
        with socket.create_connection(("127.0.0.1", running.port)) as stranger:
            stranger.settimeout(10)
            stranger.sendall(struct.pack(">BBL", 1, 0, 1000))
            assert stranger.recv(100) == b""
        with running.association(ECHO) as association:
            deadline = time.monotonic() + 10
            while association.is_established and time.monotonic() < deadline:
                time.sleep(0.05)
            assert association.is_aborted


def _still_answers(running: Running) -> None:
    with running.association(ECHO) as association:
        assert association.send_c_echo().Status == 0


def test_the_size_of_an_instance(tmp_path: Path) -> None:
    data = encoded(segmentation())
    with receiving(tmp_path / "store", max_object_nbytes=len(data)) as running:
        # With its File Meta Information it is larger than allowed.
        assert running.send(segmentation()) == 0xA701
        _still_answers(running)
    with receiving(tmp_path / "store", max_object_nbytes=len(data) + 1000) as running:
        assert running.send(segmentation()) == 0
        bomb = segmentation("2.25.50")
        bomb.add_new(0x00091010, "OB", bytes(1 << 20))
        assert running.send(bomb, "1.2.840.10008.1.2.1.99") == 0xA701
    assert len(files_of(tmp_path / "store")) == 1


def test_who_goes_on_beyond_the_limit_is_cut_off(tmp_path: Path) -> None:
    with receiving(tmp_path / "store", max_object_nbytes=1 << 16) as running:
        assert running.send_bytes(bytes(1 << 20), EXPLICIT, SEG, "2.25.1") == -1
        _still_answers(running)
    assert files_of(tmp_path / "store") == []


def test_the_disk(tmp_path: Path) -> None:
    with receiving(tmp_path / "store", min_free_nbytes=1 << 60) as running:
        assert running.send(segmentation()) == 0xA700
    assert files_of(tmp_path / "store") == []


def test_a_port_that_is_taken_leaves_no_thread(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, InstanceStore(tmp_path / "store") as store:
        before = threading.active_count()
        for _ in range(3):
            with Receiver(store) as receiver, pytest.raises(OSError):  # noqa: PT011
                receiver.start("127.0.0.1", other.getsockname()[1])
        assert threading.active_count() <= before


def test_a_receiver_is_started_once(tmp_path: Path) -> None:
    with InstanceStore(tmp_path / "store") as store:
        receiver = Receiver(store)
        receiver.start()
        receiver.stop()
        # It would refuse every instance, as one that is being stopped.
        with pytest.raises(RuntimeError, match="make another"):
            receiver.start()
