# SPDX-License-Identifier: Apache-2.0
"""What `verify_file` says beside the kind: severity, Frame and place. (Every kind has a vector: test_vectors.py.)"""

import random
import re
from pathlib import Path

import pytest

import judge
from corpus import wheel_file
from dicom_writer import (
    data_set,
    deflate,
    element,
    extended,
    image,
    item,
    offsets,
    padded,
    part10,
    pixel_data,
)
from framedeflate import FrameReader, Problem, compress_file, decompress_file, verify, verify_file
from framedeflate.errors import DicomFormatError, FrameDeflateError
from framedeflate.foreign import icon_image
from framedeflate.transcode import decompress_data_set_file
from vector import FRAGMENTS, HEAD, STREAMS, TABLE, WHOLE


def problems_of(tmp_path: Path, file: bytes) -> list[Problem]:
    path = tmp_path / "file.dcm"
    path.write_bytes(file)
    return verify_file(path)


BROKEN = {
    # what takes the place of Frame 2's Fragment: kind of problem
    b"\x07\0": "bad-data",
    FRAGMENTS[1][:6]: "not-terminated",
    b"\3\0": "short-output",
    FRAGMENTS[1] + b"\1\2\3\4": "trailing-data",
    b"": "empty-fragment not-terminated",
    STREAMS[1][:-1]: "odd-fragment not-terminated",
}


@pytest.mark.parametrize(("fragment", "kinds"), BROKEN.items(), ids=BROKEN.values())
def test_a_broken_frame_is_named_with_the_place_of_its_item(
    tmp_path: Path, fragment: bytes, kinds: str
) -> None:
    fragments = [FRAGMENTS[0], fragment, FRAGMENTS[2]]
    file = part10(HEAD + pixel_data(fragments, table=offsets(fragments)))
    found = problems_of(tmp_path, file)
    assert {problem.kind for problem in found} == set(kinds.split())
    at = file.index(item(FRAGMENTS[0])) + 8 + len(FRAGMENTS[0])
    for problem in found:
        assert (problem.severity, problem.frame_number, problem.position) == ("error", 2, at)
        assert problem.message


@pytest.mark.parametrize("run_nbytes", [1, 40, 100, 1 << 20])
def test_frames_keep_their_numbers_however_many_are_inflated_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_nbytes: int
) -> None:
    monkeypatch.setattr(verify, "_RUN_NBYTES", run_nbytes)
    fragments = [FRAGMENTS[index % 3] for index in range(40)]
    for number in (4, 5, 21):
        fragments[number - 1] += b"\1\2\3\4"
    for number in (7, 21, 40):
        fragments[number - 1] = b"\x07\0"
    head = data_set(image(frames="40"))
    found = problems_of(tmp_path, part10(head + pixel_data(fragments, table=offsets(fragments))))
    assert [(problem.frame_number, problem.kind) for problem in found] == [
        (4, "trailing-data"),
        (5, "trailing-data"),
        (7, "bad-data"),
        (21, "bad-data"),
        (40, "bad-data"),
    ]


def test_each_frame_is_judged_for_itself(tmp_path: Path) -> None:
    fragments = [b"\x07\0", FRAGMENTS[1] + b"\1\2\3", b"\3\0"]
    found = problems_of(tmp_path, part10(HEAD + pixel_data(fragments)))
    assert [(problem.frame_number, problem.kind) for problem in found] == [
        (1, "bad-data"),
        *([(2, "odd-fragment")] if len(fragments[1]) % 2 else []),
        (2, "trailing-data"),
        (3, "short-output"),
    ]


def test_problems_of_a_file_come_with_the_place_of_their_element(tmp_path: Path) -> None:
    tables = extended(TABLE, [len(stream) for stream in STREAMS])
    file = part10(HEAD + tables + WHOLE)
    assert [(p.kind, p.frame_number, p.position) for p in problems_of(tmp_path, file)] == [
        ("both-offset-tables", None, file.index(tables))
    ]
    file = part10(HEAD + WHOLE.replace(b"\x10\x00OB", b"\x10\x00OW"))
    assert [(p.kind, p.position) for p in problems_of(tmp_path, file)] == [
        ("pixel-data-vr", file.index(b"\xe0\x7f"))
    ]


def icons(*streams: bytes) -> bytes:
    """An Icon Image Sequence with an Item of 4 by 4 bytes for each stream."""
    fields = data_set(image(frames=None, rows=4, columns=4, allocated=8))
    return element(0x00880200, "SQ", b"".join(item(fields + pixel_data([stream])) for stream in streams))


def test_each_icon_is_inflated_and_its_problem_comes_with_its_place(tmp_path: Path) -> None:
    good, broken = padded(deflate(bytes(16))), b"\x07\0"
    file = part10(HEAD + icons(broken, good, broken) + WHOLE)
    at = [match.start() for match in re.finditer(b"\xe0\x7f\x10\x00OB", file)]
    found = problems_of(tmp_path, file)
    assert [(p.kind, p.severity, p.frame_number, p.position) for p in found] == [
        ("icon", "error", None, at[0]),
        ("icon", "error", None, at[2]),
    ]
    # As the bad Frame does, the bad icon shows in a file whose Frames cannot be told apart too.
    torn = part10(HEAD + icons(broken) + pixel_data(FRAGMENTS[:2]))
    assert [problem.kind for problem in problems_of(tmp_path, torn)] == ["icon", "fragment-count"]


def test_icons_are_looked_at_within_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = part10(HEAD + icons(padded(deflate(bytes(16)))) + WHOLE)
    assert not problems_of(tmp_path, file)
    monkeypatch.setattr(icon_image, "MAX_ICONS_NBYTES", 15)
    assert [(p.kind, p.severity) for p in problems_of(tmp_path, file)] == [("unchecked-icon", "warning")]
    monkeypatch.undo()
    monkeypatch.setattr(verify, "_MAX_ICON_HEAD_NBYTES", 100)
    assert [(p.kind, p.severity) for p in problems_of(tmp_path, file)] == [("unchecked-icon", "warning")]


def test_warnings_are_not_errors(tmp_path: Path) -> None:
    padded_lengths = [len(fragment) for fragment in FRAGMENTS]
    counts_pad = part10(HEAD + extended(TABLE, padded_lengths) + pixel_data(FRAGMENTS))
    signed = part10(HEAD + WHOLE + element(0xFFFAFFFA, "SQ", b""))
    thousand = part10(
        data_set(image(rows=1, columns=8, frames="1000")) + pixel_data([b"\x63\x65\0\0"] * 1000)
    )
    for file, kind in (
        (counts_pad, "extended-offset-table-lengths-count-pad"),
        (signed, "digital-signatures"),
        (thousand, "empty-basic-offset-table"),
    ):
        found = [problem for problem in problems_of(tmp_path, file) if problem.kind == kind]
        assert [problem.severity for problem in found] == ["warning"]


def test_a_flipped_bit_in_a_stream_is_found_or_does_no_harm(tmp_path: Path) -> None:
    rng = random.Random(1)  # noqa: S311
    whole = part10(HEAD + WHOLE)
    start = whole.index(item(FRAGMENTS[0]))
    expected = judge.read(whole).frames()
    found = 0
    for _ in range(150):
        bit = rng.randrange(8 * (len(whole) - start))
        spoiled = bytearray(whole)
        spoiled[start + bit // 8] ^= 1 << bit % 8
        problems = problems_of(tmp_path, bytes(spoiled))
        found += bool(problems)
        if not problems:
            # A raw stream has no checksum: another Frame of the right size may come out, and nothing else.
            frames = judge.read(bytes(spoiled)).frames()
            assert [len(frame) for frame in frames] == [len(frame) for frame in expected]
    assert found > 75


def test_what_is_no_dicom_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DicomFormatError) as caught:
        problems_of(tmp_path, b"")
    assert caught.value.kind == "not-part10"
    with pytest.raises(FileNotFoundError):
        verify_file(tmp_path / "none.dcm")


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm", "JPEG2000.dcm", "reportsi.dcm"]
)
def test_files_in_another_transfer_syntax_are_said_to_be_so(name: str) -> None:
    (problem,) = verify_file(wheel_file(name))
    assert (problem.kind, problem.severity) == ("transfer-syntax", "error")
    assert (
        judge.read_meta(wheel_file(name).read_bytes())[0][0x00020010].rstrip(b"\0").decode()
        in problem.message
    )


def test_messages_hold_no_attribute_value(tmp_path: Path) -> None:
    # Patients' data must not reach a log by way of a report.
    secret = image() | {0x00100010: ("PN", b"SECRET^NAME "), 0x00280004: ("CS", b"SECRET^NAME ")}
    for problem in problems_of(tmp_path, part10(data_set(secret) + WHOLE)):
        assert "SECRET" not in problem.message


@pytest.mark.parametrize("uid", ["SECRET^NAME", "\x1b[31mSECRET^NAME", "1.2\n3", "1" * 66])
def test_what_is_no_uid_is_not_shown(tmp_path: Path, uid: str) -> None:
    file = part10(HEAD + WHOLE, uid=uid)
    (problem,) = problems_of(tmp_path, file)
    assert problem.kind == "transfer-syntax"
    assert uid not in problem.message
    source = tmp_path / "file.dcm"
    for act in (
        lambda: FrameReader.open(source),
        lambda: compress_file(source, tmp_path / "out.dcm"),
        lambda: decompress_file(source, tmp_path / "out.dcm"),
        lambda: decompress_data_set_file(source, tmp_path / "out.dcm"),
    ):
        with pytest.raises(FrameDeflateError) as caught:
            act()
        assert uid not in str(caught.value)
        assert getattr(caught.value, "uid", "(no UID)") == "(no UID)"


@pytest.mark.parametrize(("limit", "kinds"), [(2, ["bad-data"] * 2 + ["too-many"]), (3, ["bad-data"] * 3)])
def test_the_list_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, kinds: list[str]
) -> None:
    monkeypatch.setattr(verify, "MAX_PROBLEMS", limit)
    fragments = [b"\x07\0"] * 3
    file = part10(HEAD + pixel_data(fragments, table=offsets(fragments)))
    assert [problem.kind for problem in problems_of(tmp_path, file)] == kinds
