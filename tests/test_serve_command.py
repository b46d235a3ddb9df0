# SPDX-License-Identifier: Apache-2.0
"""``framedeflate serve`` as a process: what it prints, what it refuses, and how it ends."""

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from certificates import self_signed
from cli_runner import run_command
from indexed_files import made_dataset, made_frames, save_deflated
from web_server import put_in_store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")

TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of a server that lives for a second
EVERYWHERE = "0.0.0.0"  # noqa: S104


IN_FLIGHT = "framedeflate_requests_in_flight "


class Command:
    """The process, and where it listens."""

    def __init__(self, process: "subprocess.Popen[str]", listening: dict[str, Any]) -> None:
        self.process = process
        self.listening = listening
        self.port: int = listening.get("port", 0)

    def connect(self, context: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
        if context is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        return http.client.HTTPSConnection("localhost", self.port, timeout=20, context=context)

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | None = None,
        context: ssl.SSLContext | None = None,
        **headers: str,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        with contextlib.closing(self.connect(context)) as connection:
            named = {name.replace("_", "-"): value for name, value in {"Accept": "*/*", **headers}.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def in_flight(self) -> int:
        """Requests being answered, this one not counted."""
        (line,) = [
            line for line in self.ask("/metrics")[2].decode().splitlines() if line.startswith(IN_FLIGHT)
        ]
        return int(float(line.removeprefix(IN_FLIGHT))) - 1

    def event(self, name: str) -> dict[str, Any]:
        """Read on until an event comes."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            found: dict[str, Any] = json.loads(line)
            if found["event"] == name:
                return found
        raise AssertionError(f"no event {name}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@contextmanager
def command(store: Path, *arguments: str, program: Sequence[str] = ()) -> Iterator[Command]:
    options = ["--port", "0", "--min-free", "1M", "--json", *arguments]
    process = subprocess.Popen(
        [sys.executable, *(program or ["-m", "framedeflate", "serve", str(store), *options])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=10)[1]
        yield Command(process, json.loads(line))
    finally:
        process.kill()
        process.communicate()


def some_files(folder: Path, count: int = 2) -> list[Path]:
    """Deflated images of one study."""
    paths = [folder / f"{number}.dcm" for number in range(1, count + 1)]
    for number, path in enumerate(paths, 1):
        dataset = made_dataset("1.2", "1.2.3", f"1.2.3.{number}", PatientName="Doe^Jane")
        save_deflated(dataset, path, made_frames(2, 8, 8, number), 8, 8)
    return paths


def path_of(number: int) -> str:
    return f"/dicomweb/studies/1.2/series/1.2.3/instances/1.2.3.{number}"


def multipart(*files: bytes) -> tuple[bytes, str]:
    parts = [b"--b\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n" for data in files]
    return b"".join(parts) + b"--b--\r\n", 'multipart/related; type="application/dicom"; boundary=b'


def test_a_person_reads_where_and_how_to_stop(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "framedeflate",
            "serve",
            str(tmp_path),
            "--port",
            "0",
            "--log",
            str(tmp_path / "log"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    text = "".join(lines)
    assert f"framedeflate serves {tmp_path} (0 instances)" in text
    assert "viewer    http://127.0.0.1:" in text
    assert "/dicomweb\n" in text
    assert "Only this machine can connect" in text
    assert "Ctrl-C" in text
    assert (process.returncode, out, err) == (0, "0 requests answered\n", "")


def upload_head(port: int, length: int, content_type: str) -> bytes:
    return (
        f"POST /dicomweb/studies HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {content_type}\r\n"
        f"Accept: application/dicom+json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def test_a_fresh_folder_is_served_filled_and_left_in_good_order(tmp_path: Path) -> None:
    store = tmp_path / "new" / "store"
    first, second = some_files(tmp_path / "files", 2)
    with command(store) as running:
        told = running.listening
        assert told["event"] == "listening"
        assert (told["host"], told["store"], told["instances"]) == ("127.0.0.1", str(store), 0)
        assert told["url"] == f"http://127.0.0.1:{running.port}"
        assert told["service_url"] == told["url"] + "/dicomweb"
        assert (told["access"], told["tls"]) == ("open", False)
        assert running.ask("/")[0] == 200
        assert json.loads(running.ask("/healthz")[2])["status"] == "ok"
        body, content_type = multipart(first.read_bytes())
        assert running.ask("/dicomweb/studies", method="POST", body=body, Content_Type=content_type)[0] == 200
        frame = running.ask(path_of(1) + "/frames/1", Accept="application/octet-stream")
        assert frame[2] == made_frames(2, 8, 8, 1)[0]
        # What is under way when it is told to end is finished; what is idle is closed, and nobody else comes in.
        body, _ = multipart(second.read_bytes())
        where = ("127.0.0.1", running.port)
        with (
            socket.create_connection(where, timeout=20) as upload,
            socket.create_connection(where, timeout=20) as idle,
        ):
            upload.sendall(upload_head(running.port, len(body), content_type) + body[:300])
            wait_for(lambda: running.in_flight() == 1)
            running.process.terminate()
            assert idle.recv(1) == b""
            with pytest.raises(ConnectionError):
                socket.create_connection(where, timeout=5)
            upload.sendall(body[300:])
            assert upload.recv(100).startswith(b"HTTP/1.1 200 ")
            out, err = running.process.communicate(timeout=30)
    assert running.process.returncode == 0
    stopped = json.loads(out.splitlines()[-1])
    assert stopped["event"] == "stopped"
    assert stopped["requests"] >= 6
    lines = [json.loads(line) for line in err.splitlines()]
    assert {line["status"] for line in lines} == {200}
    assert len(lines) == stopped["requests"]
    assert all(line["event"] == "request" for line in lines)
    assert "Doe" not in out + err
    assert len(list(store.glob("??/*.dcm"))) == 2
    assert not (store / ".arriving").exists()


def test_an_upload_that_does_not_come_to_an_end_is_dropped(tmp_path: Path) -> None:
    (file,) = some_files(tmp_path / "files", 1)
    body, content_type = multipart(file.read_bytes())
    with (
        command(tmp_path / "store", "--grace", "1") as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=20) as upload,
    ):
        upload.sendall(upload_head(running.port, len(body), content_type) + body[:300])
        wait_for(lambda: running.in_flight() == 1)
        started = time.monotonic()
        code, _, err = running.stop()
        assert time.monotonic() - started < 15
    assert code == 0
    assert "Traceback" not in err
    assert not list((tmp_path / "store").glob("??/*.dcm"))
    assert not (tmp_path / "store" / ".arriving").exists()


def test_a_thread_that_does_not_come_to_an_end_is_left(tmp_path: Path) -> None:
    code = (
        "import sys, time; from framedeflate.cli import main, serve; from framedeflate.web.ingest import Ingest; "
        "Ingest.place = lambda *_, **__: time.sleep(90); serve._LAST_SECONDS = 0.5; "
        f"sys.exit(main(['serve', {str(tmp_path)!r}, '--port', '0', '--json', '--grace', '0.5', '--min-free', '1M']))"
    )
    (file,) = some_files(tmp_path / "files", 1)
    body, content_type = multipart(file.read_bytes())
    with (
        command(tmp_path, program=["-c", code]) as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=20) as upload,
    ):
        upload.sendall(upload_head(running.port, len(body), content_type) + body)
        wait_for(lambda: running.in_flight() == 1)
        started = time.monotonic()
        assert running.stop()[0] == 0
        assert time.monotonic() - started < 25


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# What is refused before anything is served.


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            ["--host", EVERYWHERE],
            1,
            ["--token-file", "--jwks", "--tls-cert", "--behind-tls-proxy", "--public-url"],
        ),
        (["--host", "::", "--token-file", "TOKEN"], 1, ["--tls-cert"]),
        (["--host", EVERYWHERE, "--behind-tls-proxy", "--allow-host", "a"], 1, ["--token-file"]),
        (["--host", EVERYWHERE, "--behind-tls-proxy", "--token-file", "TOKEN"], 1, ["--public-url"]),
        (["--token-file", "NOTHING"], 20, ["nothing"]),
        (["--token-file", "SHORT"], 1, ["guessed", "openssl rand"]),
        (["--jwks", "KEYS"], 1, ["--issuer", "--audience"]),
        (["--issuer", "x"], 1, ["--jwks"]),
        (["--jwks", "http://login.example/keys", "--issuer", "x", "--audience", "y"], 1, ["https"]),
        (["--jwks", "SHORT", "--issuer", "x", "--audience", "y"], 1, ["no key set"]),
        (["--token-file", "TOKEN", "--jwks", "KEYS", "--issuer", "x", "--audience", "y"], 1, ["not both"]),
        (["--cors", "*"], 1, ["origin"]),
        (["--public-url", "pacs.example"], 1, ["origin"]),
        (["--allow-host", "a b"], 1, ["host name"]),
        (["--tls-cert", "NOTHING"], 1, ["certificates"]),
        (["--tls-key", "NOTHING"], 1, ["certificate"]),
        (["--index", "nonsense"], 45, ["index"]),
        (["--max-requests", "0"], 1, ["number from 1"]),
        (["--host", "192.0.2.1", "--token-file", "TOKEN", "--behind-tls-proxy"], 64, ["192.0.2.1"]),
        (["--host", "no.such.name.invalid"], 64, ["no.such.name.invalid"]),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: list[str]
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "short").write_text("short")
    (tmp_path / "keys").write_text("{}")
    names = {name: str(tmp_path / name.lower()) for name in ("TOKEN", "SHORT", "KEYS", "NOTHING")}
    given = [names.get(argument, argument) for argument in arguments]
    try:
        found = run_command(capsys, "serve", str(tmp_path / "store"), "--port", "0", *given)
        left, said = found.code, found.err
    except SystemExit as error:
        left, said = int(str(error.code)), capsys.readouterr().err
    assert left == code
    for word in words:
        assert word in said


def test_a_port_that_is_taken_and_a_folder_that_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = str(taken.getsockname()[1])
        found = run_command(capsys, "serve", str(tmp_path / "store"), "--port", number)
    assert found.code == 64
    assert number in found.err
    (tmp_path / "file").write_text("")
    assert run_command(capsys, "serve", str(tmp_path / "file"), "--port", "0").code == 45


def test_a_proxy_that_may_let_all_in_is_warned_of(tmp_path: Path) -> None:
    arguments = ["--public-url", "https://pacs.example", "--log", str(tmp_path / "log"), "--read-only"]
    with command(tmp_path / "store", *arguments) as running:
        assert running.listening["url"] == "https://pacs.example"
        status, headers, _ = running.ask("/dicomweb/studies", Host="pacs.example")
        assert status in {200, 204}
        assert headers["strict-transport-security"]
        assert running.ask("/dicomweb/studies", Host="evil.example")[0] == 421
        assert running.ask("/dicomweb/studies", method="POST", Host="pacs.example")[0] in {404, 405}
        assert "whoever reaches that address" in running.stop()[2]


# TLS and tokens, as others reach it.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    self_signed(folder)
    return folder


def test_others_are_served_with_tls_and_a_token(tmp_path: Path, certificate: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    arguments = ["--host", EVERYWHERE, "--allow-host", "localhost", "--token-file", str(tmp_path / "token")]
    arguments += ["--tls-cert", str(certificate / "cert.pem"), "--tls-key", str(certificate / "key.pem")]
    trusting = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    with command(tmp_path / "store", *arguments) as running:
        assert (running.listening["access"], running.listening["tls"]) == ("token", True)
        assert running.listening["url"].startswith("https://localhost:")
        status, headers, _ = running.ask("/dicomweb/studies", context=trusting)
        assert status == 401
        assert headers["www-authenticate"] == 'Bearer realm="framedeflate"'
        assert headers["strict-transport-security"]
        assert running.ask("/dicomweb/studies", context=trusting, Authorization=f"Bearer {TOKEN}")[0] in {
            200,
            204,
        }
        assert running.ask("/dicomweb/studies", context=trusting, Authorization="Bearer x" + TOKEN)[0] == 401
        assert running.ask("/", context=trusting)[0] == 200
        assert running.ask("/healthz", context=trusting)[0] == 200
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            running.ask("/healthz")
        code, _, err = running.stop()
    assert code == 0
    assert TOKEN not in err
    assert "Traceback" not in err


def test_web_tokens_are_checked_against_the_keys_in_a_file(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    keys = {"keys": [{**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "1"}]}
    (tmp_path / "keys").write_text(json.dumps(keys))
    arguments = ["--jwks", str(tmp_path / "keys"), "--issuer", "https://login.example", "--audience", "pacs"]

    def token(**changes: Any) -> str:
        now = int(time.time())
        claims = {"iss": "https://login.example", "aud": "pacs", "exp": now + 60, **changes}
        return "Bearer " + jwt.encode(claims, key, "RS256", headers={"kid": "1"})

    with command(tmp_path / "store", *arguments) as running:
        assert running.listening["access"] == "jwt"
        for _ in range(2):
            assert running.ask("/dicomweb/studies", Authorization=token())[0] in {200, 204}
        for wrong in (token(aud="others"), token(exp=int(time.time()) - 60), "Bearer x.y.z"):
            assert running.ask("/dicomweb/studies", Authorization=wrong)[0] == 401
        assert running.ask("/dicomweb/studies")[0] == 401


# A store that was filled, or is being filled, by others.


def test_what_lies_in_the_store_is_found_and_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    store, inbox = tmp_path / "store", tmp_path / "inbox"
    put_in_store(store, *some_files(tmp_path / "files", 3))
    (damaged,) = store.glob("??/1.2.3.3.dcm")
    damaged.write_bytes(damaged.read_bytes()[:200])
    inbox.mkdir()
    with command(store, "--watch", str(inbox)) as one:
        counts = one.event("indexed")
        assert (counts["files"], counts["added"], counts["damaged"]) == (3, 2, 1)
        assert counts["damaged_uids"] == ["1.2.3.3"]
        assert [one.ask(path_of(number))[0] for number in (1, 2, 3)] == [200, 200, 404]
        *_, late, later = some_files(inbox, 5)
        # What `framedeflate receive` does: into the store, and nothing said to the index.
        put_in_store(store, late)
        wait_for(lambda: one.ask(path_of(4))[0] == one.ask(path_of(5))[0] == 200)
        assert later.exists()
        (gone,) = store.glob("??/1.2.3.2.dcm")
        gone.unlink()
        # Another server on the same store; its index is made anew before it serves.
        with command(store, "--reindex") as other:
            counts = other.listening
            assert (counts["event"], counts["added"], counts["removed"], counts["damaged"]) == (
                "indexed",
                3,
                1,
                1,
            )
            other.port = other.event("listening")["port"]
            assert [other.ask(path_of(number))[0] for number in (1, 2, 3, 4)] == [200, 404, 404, 200]
        assert one.ask(path_of(5) + "/frames/2")[0] == 200


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    found = run_command(capsys, "serve", str(tmp_path))
    assert found.code == 1
    assert 'pip install "framedeflate[web]"' in found.err
