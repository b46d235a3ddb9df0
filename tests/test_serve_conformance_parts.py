# SPDX-License-Identifier: Apache-2.0
"""What the conformance suite is made of: its samples, its reading of parts, its bounds, its report, its command."""

import email
import io
import json
import re
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest

pytest.importorskip("httpx")
from framedeflate import FrameReader, decode_frame, verify_file
from framedeflate.web.conformance import exchange, suite, table
from framedeflate.web.conformance.__main__ import main
from framedeflate.web.conformance.exchange import Answer, Client, UnreachableError
from framedeflate.web.conformance.made_samples import NAME, RunUids, broken_samples, made_samples, with_uid
from framedeflate.web.conformance.media import DEFLATED, EXPLICIT, FRAME_SYNTAX, media_of
from framedeflate.web.conformance.multipart import read_payload, write_payload
from framedeflate.web.conformance.outcomes import Check, CheckFailedError, Level, Outcome, Result
from framedeflate.web.conformance.samples import Sample, roles_of, sample_of
from range_server import RangeServer

UIDS = RunUids.new()
BEARER = "word"


@pytest.fixture(scope="module")
def samples() -> dict[str, Sample]:
    return made_samples(UIDS)


def test_each_sample_plays_its_role(samples: dict[str, Sample]) -> None:
    assert all(role in roles_of(sample) for role, sample in samples.items())
    assert {sample.study for sample in samples.values()} == {UIDS.study}
    assert len({sample.uid for sample in samples.values()}) == len(samples)


def test_the_deflated_samples_are_right(samples: dict[str, Sample], tmp_path: Path) -> None:
    """By the judge of this package, which the suite itself does without."""
    for role, sample in samples.items():
        if sample.syntax != FRAME_SYNTAX:
            continue
        path = tmp_path / f"{role}.dcm"
        path.write_bytes(sample.file)
        assert [problem for problem in verify_file(path) if problem.severity == "error"] == []
        with FrameReader.open(path) as reader:
            for number, frame in enumerate(sample.frames, 1):
                assert decode_frame(reader.fragment(frame_number=number), reader.image_pixel) == frame


def test_native_values_are_those_of_pydicom(samples: dict[str, Sample]) -> None:
    bits = pydicom.dcmread(io.BytesIO(samples["native-bits"].file))
    expected = bits.pixel_array.astype(bool)
    frames = [
        np.unpackbits(np.frombuffer(one, "u1"), bitorder="little") for one in samples["native-bits"].frames
    ]
    assert np.array_equal([one[: expected[0].size].reshape(expected[0].shape) for one in frames], expected)
    deflated = pydicom.dcmread(io.BytesIO(samples["data-set"].file))
    assert deflated.file_meta.TransferSyntaxUID == DEFLATED
    assert deflated.pixel_array.tobytes() == samples["data-set"].frames[0]
    assert str(deflated.PatientName) == NAME


def test_a_stream_of_bits_ends_in_a_zero_of_its_own(samples: dict[str, Sample]) -> None:
    # Without such a stream nobody sees that a server strips zeros, without odd ones that it keeps the pad.
    sample = samples["bits"]
    assert any(stream.endswith(b"\0") for stream in sample.streams)
    assert {len(stream) % 2 for stream in sample.streams} == {0, 1}
    assert sample.rows * sample.columns % 8


def test_broken_samples_are_broken() -> None:
    for name, sample in broken_samples(UIDS).items():
        assert len(sample.file) < 60_000
        fragment = pydicom.dcmread(io.BytesIO(sample.file)).PixelData[16:]
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            content = inflater.decompress(fragment, 64 << 20)
        except zlib.error:
            assert name == "zlib-wrapped"
            continue
        assert (content, inflater.eof) != (sample.frames[0], True), name


def test_another_instance_of_the_same_picture(samples: dict[str, Sample]) -> None:
    other = with_uid(samples["bits"])
    assert other.uid != samples["bits"].uid
    assert pydicom.dcmread(io.BytesIO(other.file)).file_meta.MediaStorageSOPInstanceUID == other.uid
    assert (other.frames, len(other.file)) == (samples["bits"].frames, len(samples["bits"].file))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_parts_are_read_as_python_s_email_reads_them(count: int) -> None:
    contents = [bytes([65 + n]) * (n * 10) for n in range(count)]
    body = write_payload([("text/plain", content) for content in contents], "b")
    payload = read_payload("b", body)
    assert [part.content for part in payload.parts] == contents
    if count:
        assert payload.problems == ()
        head = b'Content-Type: multipart/related; boundary="b"\r\n\r\n'
        parsed = email.message_from_bytes(head + body).get_payload()
        assert [part.get_payload(decode=True) for part in parsed] == contents  # type: ignore[union-attr]


GOOD = write_payload([("a/b", b"\r\n--\r\n"), ("a/b", b"2")], "xyz")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (GOOD.replace(b"\r\n", b"\n"), "lines end in LF alone"),
        (GOOD.replace(b"\r\n\r\n2", b"\n\n2"), "lines end in LF alone"),
        (GOOD[:-6], "no closing delimiter"),
        (GOOD.replace(b"--xyz", b"--xy"), "no delimiter of the boundary that Content-Type gives"),
        (GOOD.replace(b"Content-Type: a/b\r\n\r\n2", b"\r\n2"), "a part without headers"),
        (GOOD.replace(b"\r\n\r\n2", b""), "a part without an empty line behind its headers"),
        (GOOD.replace(b"a/b\r\n\r\n2", b"a/b\r\nno header\r\n\r\n2"), "a header line that is none"),
        (GOOD.replace(b"a/b\r\n\r\n2", b"a/b\r\nContent-Type: c/d\r\n\r\n2"), "Content-Type twice in a part"),
    ],
)
def test_departures_in_parts_are_named(body: bytes, problem: str) -> None:
    assert read_payload("xyz", GOOD).problems == ()
    assert problem in read_payload("xyz", body).problems


@pytest.mark.parametrize(
    ("value", "name", "syntax"),
    [
        ("application/octet-stream", "application/octet-stream", EXPLICIT),
        (f'Application/DICOM; transfer-syntax="{FRAME_SYNTAX}"', "application/dicom", FRAME_SYNTAX),
        ("application/x-deflate", "application/x-deflate", FRAME_SYNTAX),
        ("image/png; a=b", "image/png", ""),
        (None, "", ""),
        ("a/b\r\nX-Forged: 1", "a/b  x-forged: 1", ""),
    ],
)
def test_media_types(value: str | None, name: str, syntax: str) -> None:
    assert (media_of(value).name, media_of(value).transfer_syntax_uid) == (name, syntax)


@pytest.mark.parametrize(
    ("coding", "raw", "content"),
    [
        ("deflate", zlib.compress(b"x" * 99), b"x" * 99),
        ("gzip", exchange.gzipped(b"x" * 99), b"x" * 99),
        ("identity", b"x", b"x"),
        ("deflate", zlib.compress(b"x" * 99)[2:-4], None),
        ("deflate", zlib.compress(b"x" * 99)[:-1] + b"?", None),
        ("deflate", zlib.compress(b"x" * 99) + b"\0", None),
        ("gzip", exchange.gzipped(b"x" * 99)[:-3], None),
        ("br", b"x", None),
    ],
)
def test_codings_come_off_or_fail_the_check(coding: str, raw: bytes, content: bytes | None) -> None:
    answer = Answer(200, {"content-encoding": coding}, raw)
    if content is None:
        with pytest.raises(CheckFailedError):
            _ = answer.content
    else:
        assert answer.content == content


@pytest.fixture
def faulty() -> Iterator[RangeServer]:
    with RangeServer({"studies": b"[]"}) as server:
        yield server


@pytest.mark.parametrize(
    "fault", ["reset", "garbage", "endless", "endless-chunks", "slow", "drip", "endless-headers"]
)
def test_a_bad_server_costs_bounded_time(
    fault: str, faulty: RangeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "MAX_ANSWER_NBYTES", 1 << 20)
    if fault == "drip":
        faulty.files["studies"] = bytes(10_000)
    faulty.fault = fault
    client = Client(faulty.base_url, seconds=0.3)
    began = time.monotonic()
    with pytest.raises(CheckFailedError):
        client.send("GET", "/studies")
    assert time.monotonic() - began < 10
    with pytest.raises(UnreachableError):
        client.probe()
    client.close()


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_wants_a_token_is_told(
    status: int, faulty: RangeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    faulty.fault = f"status-{status}"
    assert main([faulty.base_url]) == 61
    assert "--token" in capsys.readouterr().err


def test_nothing_is_sent_that_was_not_asked_for(faulty: RangeServer) -> None:
    client = Client(faulty.base_url, token=BEARER)
    client.send("GET", "/studies")
    sent = faulty.headers[-1]
    assert "accept" not in sent
    assert "accept-encoding" not in sent
    assert sent["authorization"] == f"Bearer {BEARER}"
    faulty.redirects["elsewhere"] = "http://example.org/"
    assert client.send("GET", "/elsewhere", accept="*/*").status == 302
    client.close()


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("http://h:1/dicomweb/x", "http://h:1/dicomweb/x"),
        ("studies/1", "http://h:1/dicomweb/studies/1"),
        ("/x", "http://h:1/x"),
        ("http://other/x", None),
        ("https://h:1/x", None),
        ("file:///etc/passwd", None),
        ("http://[", None),
    ],
)
def test_a_token_never_goes_elsewhere(uri: str, url: str | None) -> None:
    client = Client("http://h:1/dicomweb/", token=BEARER)
    assert client.resolve(uri) == url
    client.close()


def test_checks_are_named_and_told(samples: dict[str, Sample]) -> None:
    checks = suite.all_checks()
    assert len({one.name for one in checks}) == len(checks) > 150
    for one in checks:
        assert re.fullmatch(r"[a-z-]+\.[a-z0-9-]+", one.name)
        assert re.match(r"(PS3\.\d+ |RFC \d+ |Sup 244)", one.clause), one.name
        assert one.title
        assert set(one.needs) <= set(samples), one.name
    assert [one.name for one in suite.all_checks(["*.no-pad"])] == ["frames.no-pad"]
    assert {one.group for one in suite.all_checks(["frames", "search"])} == {"frames", "search"}


def _report(seen: str) -> suite.Report:
    def function(_session: object) -> str:
        return ""

    one = Check("group.name", "PS3.18 8", Level.SHALL, "The rule", (), False, function)
    results = (Result(one, Outcome.PASS, "", "fine"), Result(one, Outcome.FAIL, "this", seen))
    return suite.Report("http://h", results, ("2.25.1",), 7)


def test_the_table_shows_what_failed_and_nothing_that_moves_the_cursor() -> None:
    out = io.StringIO()
    table.print_report(_report("[red]that[/red] \x1b[2J"), out)
    text = out.getvalue()
    assert "The rule" in text
    assert "expected: this" in text
    assert "[red]that[/red] ?[2J" in text
    assert "\x1b" not in text
    assert "2.25.1" in text
    assert "1 pass, 1 fail" in text


def test_the_report_for_programs() -> None:
    report = table.json_report(_report("that"))
    assert json.loads(json.dumps(report)) == report
    assert report["conforms"] is False
    assert report["counts"] == {"pass": 1, "fail": 1, "not offered": 0, "skipped": 0}
    assert report["results"][1]["expected"] == "this"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--list"], 0),
        (["--list", "--only", "frames"], 0),
        (["http://127.0.0.1:9/dicomweb"], 61),
    ],
)
def test_exit_codes(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == code
    shown = capsys.readouterr()
    assert ("frames.no-pad" in shown.out) == (code == 0)
    assert ("cannot be reached" in shown.err) == (code == 61)


@pytest.mark.parametrize(
    "arguments", [[], ["ftp://h/x"], ["http://h", "--only", "nothing"], ["http://h", "--what"]]
)
def test_a_wrong_command_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_a_server_that_is_none_fails_and_ends(
    faulty: RangeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """It answers 200 to GET whatever is asked, and 501 to all else."""
    assert main([f"{faulty.base_url}", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["counts"]["fail"] > 10


def test_a_sample_of_a_file(samples: dict[str, Sample]) -> None:
    again = sample_of(samples["colour"].file)
    assert again.frames == samples["colour"].frames
    text = pydicom.dcmread(io.BytesIO(samples["native"].file))
    del text.PixelData
    buffer = io.BytesIO()
    text.save_as(buffer)
    with pytest.raises(ValueError, match="no image"):
        sample_of(buffer.getvalue())
