# SPDX-License-Identifier: Apache-2.0
"""Who may ask a server, and under which names: addresses, origins, tokens. Nothing here opens a socket."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from framedeflate.web.server.access import StaticToken, bearer_token, read_token_file
from framedeflate.web.server.addresses import allowed_hosts, completed_hosts, is_loopback, origin_of_url
from framedeflate.web.server.json_web_token import JsonWebTokens
from framedeflate.web.server.key_set import KeySet, key_source
from framedeflate.web.server.origins import Origins

ISSUER, AUDIENCE = "https://login.example", "framedeflate"
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_RSA_KEY = rsa.generate_private_key(65537, 2048)
SHORT_RSA_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it must be refused
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def public_keys() -> dict[str, Any]:
    return {
        "keys": [
            {**RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "rsa", "use": "sig"},
            {**RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "rs512", "alg": "RS512"},
            {**RSAAlgorithm.to_jwk(SHORT_RSA_KEY.public_key(), as_dict=True), "kid": "short"},
            {**ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "ec"},
            {**OKPAlgorithm.to_jwk(ED_KEY.public_key(), as_dict=True), "kid": "ed"},
            {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "oct"},
        ]
    }


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    found = {"iss": ISSUER, "aud": AUDIENCE, "exp": now + 300, "nbf": now - 10, "sub": "someone", **changes}
    return {name: value for name, value in found.items() if value is not None}


def token(key: Any = RSA_KEY, algorithm: str = "RS256", kid: str | None = "rsa", **changes: Any) -> bytes:
    headers = {} if kid is None else {"kid": kid}
    return b"Bearer " + jwt.encode(claims(**changes), key, algorithm, headers=headers).encode()


@pytest.fixture(scope="module")
def tokens() -> JsonWebTokens:
    return JsonWebTokens(KeySet(lambda: json.dumps(public_keys()).encode()), issuer=ISSUER, audience=AUDIENCE)


# Made when their test runs: where the whole suite takes longer than they are good for, it would be too late.
GOOD_TOKENS: dict[str, Callable[[], bytes]] = {
    "RS256": token,
    "PS256": lambda: token(RSA_KEY, "PS256"),
    "RS512": lambda: token(RSA_KEY, "RS512", "rs512"),
    "ES256": lambda: token(EC_KEY, "ES256", "ec"),
    "EdDSA": lambda: token(ED_KEY, "EdDSA", "ed"),
    "audiences": lambda: token(aud=["others", AUDIENCE]),
    "no nbf": lambda: token(nbf=None),
}


@pytest.mark.parametrize("kind", GOOD_TOKENS)
def test_a_good_token_is_let_in_and_then_known(tokens: JsonWebTokens, kind: str) -> None:
    good = GOOD_TOKENS[kind]()
    assert tokens.known(good) is None
    assert tokens.decide(good) == "granted"
    assert tokens.known(good) == "granted"


def unsigned() -> bytes:
    return b"Bearer " + jwt.encode(claims(), None, "none", headers={"kid": "rsa"}).encode()  # type: ignore[arg-type]


def signed_with_the_public_key() -> bytes:
    """HMAC with the public key as its secret: PyJWT itself refuses to make one."""
    import base64
    import hashlib
    import hmac

    def part(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = part(b'{"alg":"HS256","typ":"JWT","kid":"rsa"}') + b"." + part(json.dumps(claims()).encode())
    return b"Bearer " + text + b"." + part(hmac.digest(pem, text, hashlib.sha256))


def nested() -> bytes:
    import base64

    header = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":' + b"[" * 4000).rstrip(b"=")
    return b"Bearer " + header + b".e30.AAAA"


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(lambda: token(exp=int(time.time()) - 60), id="expired"),
        pytest.param(lambda: token(exp=None), id="never expires"),
        pytest.param(lambda: token(nbf=int(time.time()) + 600), id="not yet"),
        pytest.param(lambda: token(iss="https://else.example"), id="issuer"),
        pytest.param(lambda: token(iss=None), id="no issuer"),
        pytest.param(lambda: token(aud="others"), id="audience"),
        pytest.param(lambda: token(aud=None), id="no audience"),
        pytest.param(lambda: token(OTHER_RSA_KEY), id="another key"),
        pytest.param(lambda: token(EC_KEY, "ES256"), id="key of another type"),
        pytest.param(lambda: token(kid="unknown"), id="unknown kid"),
        pytest.param(lambda: token(kid=None), id="no kid, several keys"),
        pytest.param(lambda: token(RSA_KEY, "RS256", "rs512"), id="not the key's algorithm"),
        pytest.param(
            lambda: token(b"secretsecretsecretsecretsecret!!", "HS256", "oct"), id="a shared secret"
        ),
        pytest.param(
            lambda: token(SHORT_RSA_KEY, "RS256", "short"),
            id="a short key",
            marks=pytest.mark.filterwarnings("ignore"),
        ),
        pytest.param(unsigned, id="none"),
        pytest.param(signed_with_the_public_key, id="public key as a secret"),
        pytest.param(nested, id="brackets in brackets"),
        pytest.param(lambda: token()[:-3] + b"AAA", id="signature changed"),
        pytest.param(lambda: b"Bearer a.b.c", id="no token at all"),
        pytest.param(lambda: b"Bearer " + b"a" * 9000, id="too long"),
        pytest.param(lambda: b"Basic " + token()[7:], id="another scheme"),
        pytest.param(lambda: b"", id="empty"),
    ],
)
def test_a_bad_token_is_not(tokens: JsonWebTokens, bad: Callable[[], bytes]) -> None:
    authorization = bad()
    assert tokens.decide(authorization) == "invalid"
    assert tokens.decide(authorization) == "invalid"


def test_no_token_is_another_matter(tokens: JsonWebTokens) -> None:
    assert tokens.known(None) == tokens.decide(None) == "missing"
    assert StaticToken(b"x" * 20).known(None) == "missing"


def test_what_is_remembered_ends_with_the_token_and_after_a_minute() -> None:
    now = [time.time()]
    keys = KeySet(lambda: json.dumps(public_keys()).encode())
    tokens = JsonWebTokens(keys, issuer=ISSUER, audience=AUDIENCE, clock=lambda: now[0])
    long, short = token(), token(exp=int(now[0]) + 5)
    assert tokens.decide(long) == tokens.decide(short) == "granted"
    now[0] += 36
    assert tokens.known(short) is None
    assert tokens.known(long) == "granted"
    now[0] += 30
    assert tokens.known(long) is None


def test_a_lone_key_needs_no_name() -> None:
    lone = {"keys": public_keys()["keys"][:1]}
    tokens = JsonWebTokens(KeySet(lambda: json.dumps(lone).encode()), issuer=ISSUER, audience=AUDIENCE)
    assert tokens.decide(token(kid=None)) == "granted"


def test_new_keys_are_read_when_a_token_names_one_and_not_for_every_stranger() -> None:
    now, reads = [1000.0], []
    served = [{"keys": public_keys()["keys"][3:4]}]

    def read() -> bytes:
        reads.append(now[0])
        return json.dumps(served[0]).encode()

    keys = KeySet(read, clock=lambda: now[0])
    assert keys.candidates("rsa") == []
    assert len(reads) == 1
    served[0] = public_keys()
    now[0] += 31
    assert [key["kid"] for key in keys.candidates("rsa")] == ["rsa"]
    for _ in range(100):
        assert keys.candidates("made up") == []
    assert len(reads) == 2
    now[0] += 301
    assert keys.candidates("rsa")
    assert len(reads) == 3


def test_a_server_of_keys_that_fails_leaves_the_old_ones() -> None:
    now = [0.0]
    answers: list[bytes] = [json.dumps(public_keys()).encode(), b"<html>"]
    keys = KeySet(lambda: answers.pop(0), clock=lambda: now[0])
    now[0] += 400
    assert keys.candidates("rsa")

    def fails() -> bytes:
        raise OSError

    keys._read = fails
    now[0] += 400
    assert keys.candidates("rsa")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"keys": 5}',
        b'{"keys": []}',
        b'{"keys": [5]}',
        b'{"keys": [{"kty": "oct"}]}',
        b"[" * 100_000,
        b" " * 300_000,
        json.dumps({"keys": public_keys()["keys"] * 20}).encode(),
    ],
)
def test_what_is_no_key_set_is_said_at_the_start(text: bytes) -> None:
    with pytest.raises(ValueError, match="key set"):
        KeySet(lambda: text)


def test_a_private_key_in_a_set_is_left_alone() -> None:
    private = {**RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True), "kid": "rsa"}
    with pytest.raises(ValueError, match="no public key"):
        KeySet(lambda: json.dumps({"keys": [private]}).encode())


def test_keys_come_from_a_file_or_by_https_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(public_keys()))
    assert KeySet(key_source(str(path))).candidates("ec")
    for url in ("http://login.example/keys", "ftp://login.example/keys", "file:///etc/passwd"):
        with pytest.raises(ValueError, match="https"):
            key_source(url)


# A token that all share.


def test_a_shared_token() -> None:
    access = StaticToken(b"0123456789abcdef")
    assert access.known(b"Bearer 0123456789abcdef") == "granted"
    assert access.known(b"bearer  0123456789abcdef") == "granted"
    for wrong in (
        b"Bearer 0123456789abcdeF",
        b"Bearer 0123456789abcde",
        b"Basic 0123456789abcdef",
        b"",
        b"Bearer",
        b"Bearer \xff",
    ):
        assert access.known(wrong) == "invalid"


@given(st.binary(max_size=60))
def test_whatever_is_sent_is_no_token(noise: bytes) -> None:
    assert StaticToken(b"0123456789abcdef").known(noise) == "invalid"
    found = bearer_token(b"Bearer " + noise)
    assert found is None or found == noise.strip(b" ")


def test_a_token_file_holds_one_that_cannot_be_guessed(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"0123456789abcdef\n")
    assert read_token_file(path) == b"0123456789abcdef"
    for text in (b"", b"short", b"two\nlines of what is no token", "künstlich0123456789".encode()):
        path.write_bytes(text)
        with pytest.raises(ValueError, match="token"):
            read_token_file(path)


# Names and origins.


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("10.0.0.1", False),
        ("192.168.1.1", False),
    ],
)
def test_what_only_this_machine_reaches(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_names_on_loopback() -> None:
    hosts = allowed_hosts("127.0.0.1", 8042)
    names = {b"localhost", b"127.0.0.1", b"[::1]"}
    assert hosts == names | {name + b":8042" for name in names}
    assert completed_hosts(8042, is_tls=False) == {name: name + b":8042" for name in names}
    assert completed_hosts(80, is_tls=False) == completed_hosts(443, is_tls=True) == {}
    behind = allowed_hosts("127.0.0.1", 8042, origin="https://pacs.example")
    assert behind - hosts == {b"pacs.example", b"pacs.example:443"}


def test_names_elsewhere() -> None:
    assert allowed_hosts("0.0.0.0", 443) == frozenset()  # noqa: S104
    assert allowed_hosts("10.0.0.1", 443) == {b"10.0.0.1:443", b"10.0.0.1"}
    assert allowed_hosts("::", 8443, names=["PACS.example", "b.example:9"]) == {
        b"pacs.example:8443",
        b"pacs.example",
        b"b.example:9",
    }
    assert b"[fe80::1]:443" in allowed_hosts("fe80::1", 443)
    for wrong in ("a/b", "a b", "", "user@host", "https://pacs.example"):
        with pytest.raises(ValueError, match="host name"):
            allowed_hosts("::", 443, names=[wrong])


def test_origins_are_exact() -> None:
    assert origin_of_url("https://Viewer.example:443/") == "https://viewer.example"
    assert origin_of_url("http://127.0.0.1:3000") == "http://127.0.0.1:3000"
    for wrong in (
        "*",
        "null",
        "viewer.example",
        "https://viewer.example/app",
        "ftp://a",
        "https://u@a",
        "https://*.a",
    ):
        with pytest.raises(ValueError, match="origin"):
            origin_of_url(wrong)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({b"host": b"127.0.0.1:8042"}, True),
        ({b"host": b"127.0.0.1:8042", b"origin": b"http://127.0.0.1:8042"}, True),
        ({b"host": b"127.0.0.1:8042", b"origin": b"http://127.0.0.1:9999"}, False),
        ({b"host": b"127.0.0.1:8042", b"origin": b"https://127.0.0.1:8042"}, False),
        ({b"host": b"127.0.0.1:8042", b"origin": b"http://evil.example"}, False),
        ({b"host": b"127.0.0.1:8042", b"origin": b"null"}, False),
        ({b"host": b"127.0.0.1:8042", b"origin": b""}, False),
        ({b"host": b"127.0.0.1:8042", b"origin": b"https://viewer.example"}, True),
        ({b"host": b"127.0.0.1:8042", b"sec-fetch-site": b"cross-site"}, False),
        ({b"host": b"127.0.0.1:8042", b"sec-fetch-site": b"same-site"}, False),
        ({b"host": b"127.0.0.1:8042", b"sec-fetch-site": b"same-origin"}, True),
    ],
)
def test_who_may_change_something(headers: dict[bytes, bytes], expected: bool) -> None:
    assert Origins(["https://viewer.example"]).may_change(headers, "http") is expected


def test_behind_a_proxy_its_origin_is_ours() -> None:
    origins = Origins(own="https://pacs.example")
    assert origins.may_change({b"host": b"127.0.0.1:8042", b"origin": b"https://pacs.example"}, "http")
    assert not origins.may_change({b"host": b"127.0.0.1:8042", b"origin": b"http://127.0.0.1:8042"}, "http")
