# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: SIM905 - words are easier to read than words in quotes
"""Requests that a server must live through: right ones, wrong ones, and bytes that are none; and what to look at."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from guarded_server import Guarded
from indexed_files import made_dataset, made_frames, save, save_deflated

STUDY, SERIES = "1.2.3", "1.2.3.4"
DEFLATED, NATIVE, BARE = "1.2.3.4.5", "1.2.3.4.6", "1.2.3.4.7"
SECRET: Final = "Sesame"  # noqa: S105 - no password
"""Stands in a stored patient's name and in searches, and must stand in no refusal and no log."""

_ROOT = "/dicomweb"
_LEVELS = "studies series instances frames metadata rendered thumbnail bulkdata pixeldata".split()
_NUMBERS = "1 2 1,2 3".split()
_ODD = r"""
. .. %2e%2e %2E%2E%2F ..%2f..%2f %00 %0d%0aX-Injected:1 % %zz %ff \.. ~ 1,1,1 0 -1 1-3 99999999999999999999
healthz metrics .index .arriving index.sqlite etc passwd dicomweb viewer __init__.py app.js * *.*
""".split()
_ODD += ["", "1," * 300 + "1", "a" * 300, "\uff11"]
_UIDS = [STUDY, SERIES, DEFLATED, NATIVE, BARE, "1.2", "1..2", "1." + "2" * 63, "01.2", "1.2.3.4.5.dcm"]
_TYPES = """
application/dicom application/octet-stream application/x-deflate image/jpeg image/png */* application/dicom+json
application/dicom+xml application/json application/vnd.sun.wadl+xml video/mp4
""".split()
_SYNTAXES = "* 1.2.840.10008.1.2.1 1.2.840.10008.1.2.8.1 1.2.840.10008.1.2 1.2.840.10008.1.2.4.50 x".split()
_PARAMETERS = """
accept limit offset includefield fuzzymatching PatientName 00100010 StudyDate 0008 ModalitiesInStudy
StudyInstanceUID window viewport quality annotation iccprofile x
""".split()
_VALUES = """
20200101- - 1- all 0 -1 1e9 true %00 %ff % ' '%20OR%201=1%20-- 1,2,linear 1,0,linear nan,inf,sigmoid 0,0 9999999,1
1,1,2,3,4,5 PatientName 00100010.00100020
""".split()
_VALUES += [SECRET, f"*{SECRET}*", "?" * 50, "*" * 50, "9" * 30, STUDY, f"{STUDY},{STUDY}", f"{STUDY}%5c1.2"]
_FORMS = ['multipart/related; type="{}"', "multipart/related; type={}", "{}", "{}", '"{}', "{};;"]
_METHODS = ["GET"] * 10 + ["POST"] * 6 + "HEAD OPTIONS DELETE PUT PATCH TRACE get X".split()
_TAGS = "00080018 00080016 7FE00010 vr Value BulkDataURI InlineBinary x".split()
_INSERTS = [b"\0", b"\xff\xff\xff\xff", b"\r\n", b"--", b'"', b"{", b"[" * 50, b"../"]
_HEADERS = [
    ("Accept-Encoding", "deflate"),
    ("Accept-Encoding", "gzip, *;q=0"),
    ("Accept-Encoding", "identity;q=0"),
    ("Range", "bytes=0-10"),
    ("Range", "bytes=-5"),
    ("Range", "bytes=99999999-"),
    ("Range", "bytes=5-1,0-0"),
    ("Range", "frames=1"),
    ("Range", "bytes=" + "0-0," * 500),
    ("If-None-Match", "*"),
    ("If-None-Match", 'W/"x", "'),
    ("If-Range", '"x"'),
    ("If-Modified-Since", "yesterday"),
    ("Accept-Charset", "klingon"),
    ("Expect", "100-continue"),
    ("Connection", "upgrade"),
    ("Upgrade", "websocket"),
    ("Content-Encoding", "gzip"),
    ("Content-Length", "5"),
    ("Content-Length", "-1"),
    ("Transfer-Encoding", "chunked"),
    ("Transfer-Encoding", "gzip, chunked"),
    ("Origin", "null"),
    ("Authorization", "Bearer \xff"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("Cookie", "a=b" * 500),
    ("", "x"),
    ("X", "y" * 5000),
]


@dataclass
class Samples:
    """Files that uploads are made of; filled by `fill`."""

    files: list[bytes] = field(default_factory=list)


SAMPLES: Final = Samples()


def request_of(seed: int) -> bytes:
    """Bytes to send; %PORT% stands where the port belongs. The same seed gives the same bytes."""
    chance = Random(seed)  # noqa: S311 - not for secrets
    method = chance.choice(_METHODS)
    lines = [f"{method} {_path(chance)} HTTP/1.1"]
    lines += [
        chance.choice(["Host: 127.0.0.1:%PORT%"] * 12 + ["Host: evil.example", "X: y"]),
        "Connection: close",
    ]
    if chance.random() < 0.9:
        lines.append(f"Accept: {_accept(chance)}")
    lines += [f"{name}: {value}" for name, value in chance.sample(_HEADERS, chance.randrange(3))]
    body = b""
    if method == "POST":
        if chance.random() < 0.6:
            lines[0] = f"POST {_ROOT}/studies{chance.choice(['', '/' + STUDY, '/9.9', '/..'])} HTTP/1.1"
        content_type, body = _payload(chance)
        length = len(body) + chance.choice([0] * 20 + [-1, 1])
        lines += [f"Content-Type: {content_type}", f"Content-Length: {length}"]
    whole = "\r\n".join([*lines, "", ""]).encode() + body
    return _mutated(chance, whole) if chance.random() < 0.1 else whole


def _text(chance: Random) -> str:
    return "".join(chr(chance.randrange(1, 0x250)) for _ in range(chance.randrange(12)))


def _media_type(chance: Random) -> str:
    syntax = chance.choice(["", f"; transfer-syntax={chance.choice(_SYNTAXES)}"])
    quality = chance.choice(["", "", "; q=0.5", "; q=0", ";q=2", "; q=x", "; charset=utf-8"])
    return chance.choice(_FORMS).format(chance.choice(_TYPES)) + syntax + quality


def _accept(chance: Random) -> str:
    kind = chance.random()
    if kind < 0.2:
        return "*/*"
    if kind < 0.3:
        return _text(chance)
    return ", ".join(_media_type(chance) for _ in range(chance.randrange(1, 4)))


def _query(chance: Random) -> str:
    pairs = []
    for _ in range(chance.randrange(4)):
        kind = chance.random()
        value = chance.choice(_VALUES) if kind < 0.7 else _text(chance) if kind < 0.8 else _media_type(chance)
        pairs.append(f"{chance.choice(_PARAMETERS)}={value.replace(' ', '')}")
    return "&".join(pairs)


def _path(chance: Random) -> str:
    parts = []
    uids = [STUDY, SERIES, chance.choice([DEFLATED, NATIVE, BARE])]
    for level in range(chance.randrange(4)):
        parts += [_LEVELS[level], uids[level] if chance.random() < 0.8 else chance.choice(_UIDS + _ODD)]
    below = [chance.choice(_LEVELS), chance.choice(_NUMBERS), chance.choice(_LEVELS)]
    if chance.random() < 0.3:
        below[chance.randrange(3)] = chance.choice(_ODD)
    parts += below[: chance.randrange(4)]
    root = chance.choice(
        [_ROOT] * 12 + ["", "/", "/dicomweb/..", "//dicomweb", "/viewer", "/%2e%2e", "http://x/"]
    )
    query = _query(chance)
    return f"{root}/{'/'.join(parts)}" + (f"?{query}" if query else "")


def _mutated(chance: Random, data: bytes) -> bytes:
    """Bytes with a few of them changed, cut out, or said twice."""
    found = bytearray(data)
    for _ in range(chance.randrange(5)):
        if not found:
            break
        at = chance.randrange(len(found))
        kind = chance.randrange(4)
        if kind == 0:
            found[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del found[at : at + chance.choice([1, 2, 8, 100, 1 << 20])]
        elif kind == 2:
            found[at:at] = found[at : at + chance.choice([1, 4, 64])]
        else:
            found[at:at] = chance.choice(_INSERTS)
    return bytes(found)


def _json(chance: Random, depth: int = 3) -> object:
    kind = chance.randrange(8 if depth else 5)
    if kind < 5:
        return [None, True, -1, 1e300, _text(chance)][kind]
    if kind == 5:
        return [_json(chance, depth - 1) for _ in range(chance.randrange(3))]
    return {chance.choice(_TAGS): _json(chance, depth - 1) for _ in range(chance.randrange(1, 4))}


def _content(chance: Random) -> bytes:
    kind = chance.randrange(6)
    if kind < 3:
        return _mutated(chance, chance.choice(SAMPLES.files))
    if kind == 3:
        return chance.choice(SAMPLES.files)
    return json.dumps(_json(chance)).encode() if kind == 4 else chance.randbytes(chance.randrange(60))


def _payload(chance: Random) -> tuple[str, bytes]:
    """Content-Type and bytes of a Store."""
    boundary = chance.choice(["b", "b", "b", "a b", "x" * 70, "x" * 71, "", '"'])
    kind = chance.choice(
        ["application/dicom"] * 3 + ["application/dicom+json", "application/dicom+xml", "text/plain"]
    )
    heads = [
        f"Content-Type: {kind}\r\n",
        f"Content-Type: {kind}\r\n",
        "",
        f"Content-Type: {kind}; transfer-syntax=1.2.840.10008.1.2.1\r\nContent-Location: ../../x\r\n",
        "Content-Type: application/octet-stream\r\nContent-Location: bulk/1\r\n",
        "Content-Encoding: gzip\r\n",
        "x" * 9000 + "\r\n",
    ]
    parts = [
        f"--{boundary}\r\n{chance.choice(heads)}\r\n".encode() + _content(chance) + b"\r\n"
        for _ in range(chance.randrange(4))
    ]
    whole = b"".join(parts) + chance.choice([f"--{boundary}--\r\n"] * 3 + ["", f"--{boundary}\r\n"]).encode()
    forms = [f'multipart/related; type="{kind}"; boundary={boundary}'] * 6
    forms += [
        f'multipart/related; type="{kind}"; boundary="{boundary}"',
        f"multipart/related; type={kind}",
        kind,
        "",
    ]
    forms += [
        "multipart/form-data; boundary=b",
        "multipart/related; boundary=b",
        "application/x-www-form-urlencoded",
    ]
    return chance.choice(forms), _mutated(chance, whole) if chance.random() < 0.25 else whole


def fill(folder: Path) -> list[Path]:
    """Write a deflated image, a native one and an instance without pixels; uploads are made of others like them."""
    made = []
    for prefix, uids in (("stored", (DEFLATED, NATIVE, BARE)), ("sent", ("2.25.1", "2.25.2", "2.25.3"))):
        for number, uid in enumerate(uids):
            dataset = made_dataset(
                STUDY, SERIES, uid, PatientName=f"{SECRET}^Jane", PatientID="7", Modality="SEG"
            )
            dataset.StudyDate, dataset.InstanceNumber = "20200102", number
            path = folder / prefix / f"{number}.dcm"
            if number == 0:
                save_deflated(dataset, path, made_frames(3, 16, 16), 16, 16)
            elif number == 1:
                dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 8, 6, 2
                dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
                dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
                dataset.PixelRepresentation, dataset.PixelData = 0, bytes(range(192))
                dataset["PixelData"].VR = "OW"
                save(dataset, path)
            else:
                save(dataset, path)
            made.append(path)
    SAMPLES.files = [path.read_bytes() for path in made[3:]]
    return made[:3]


def defect_of(server: Guarded, sent: bytes) -> str | None:
    """Send a request and hold what comes against what must hold for any; say what is wrong."""
    try:
        answer = server.raw(sent.replace(b"%PORT%", str(server.port).encode()), timeout=20)
    except TimeoutError:
        return f"no end of the answer: {sent[:600]!r}"
    while answer.startswith(b"HTTP/1.1 100 "):
        answer = answer.partition(b"\r\n\r\n")[2]
    if not answer:
        # Not a request, or not all of one: the connection was closed.
        return None
    found = re.match(rb"HTTP/1\.1 (\d{3}) [^\r]*\r\n", answer)
    head, _, body = answer.partition(b"\r\n\r\n")
    if found is None or b"x-injected" in head.lower():
        return f"no answer as HTTP has them: {answer[:300]!r} to {sent[:600]!r}"
    status = int(found[1])
    if status >= 500 and status != 503:
        return f"{status}: {body[:300]!r} to {sent[:600]!r}"
    if status >= 400 and SECRET.encode() in answer:
        return f"a value is told: {body[:300]!r} to {sent[:600]!r}"
    return None


def defects_of(server: Guarded, batch: list[bytes]) -> list[str]:
    """Send many at once."""
    with ThreadPoolExecutor(16) as pool:
        return [defect for defect in pool.map(lambda sent: defect_of(server, sent), batch) if defect]


def tree_of(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder with its bytes, but for the store's own."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if "store" not in path.relative_to(folder).parts[:1]
    }


def strangers_in(store: Path) -> list[str]:
    """What does not belong into a store's folder."""
    own = re.compile(r"([0-9a-f]{2}(/[0-9.]{1,64}\.dcm)?|\.(index|arriving)(/.*)?)")
    return [
        name for path in store.rglob("*") if not own.fullmatch(name := path.relative_to(store).as_posix())
    ]
