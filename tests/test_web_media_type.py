# SPDX-License-Identifier: Apache-2.0
"""Media types and lists of them, as RFC 9110 and PS3.18 8.7 write them; Python's email package is the judge."""

from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framedeflate.errors import MediaTypeError
from framedeflate.web.accept import (
    MAX_ELEMENTS,
    MediaRange,
    choose_coding,
    parse_accept,
    parse_accept_parameter,
)
from framedeflate.web.media_type import MAX_FIELD_LENGTH, MAX_PARAMETERS, MediaType, parse_media_type

READ = [
    ("application/dicom", "application/dicom", {}),
    ("Application/DICOM+Json", "application/dicom+json", {}),  # 8.3.1: names without case
    (
        'multipart/related; type="application/dicom"; boundary=aB',  # ... values as they are
        "multipart/related",
        {"type": "application/dicom", "boundary": "aB"},
    ),
    # PS3.18 8.7.3.5.1: the type parameter unquoted
    (
        "multipart/related;type=application/octet-stream;transfer-syntax=*",
        "multipart/related",
        {"type": "application/octet-stream", "transfer-syntax": "*"},
    ),
    # Parameters within the quotes are the value, for now
    (
        'multipart/related; type="image/jpeg; transfer-syntax=1.2"',
        "multipart/related",
        {"type": "image/jpeg; transfer-syntax=1.2"},
    ),
    # RFC 9110 5.6.6: parameters may be left out, blanks may stand around ";"; in the field also around "="
    ("text/plain \t; ; charset = UTF-8 ;", "text/plain", {"charset": "UTF-8"}),
    # RFC 9110 5.6.4: a backslash takes the next character for itself
    (r'a/b; x="say \"hi\", \\ ; there"', "a/b", {"x": r'say "hi", \ ; there'}),
    ('a/b; x=""', "a/b", {"x": ""}),
    ("a/b; X=1; y=\xe9", "a/b", {"x": "1", "y": "\xe9"}),
]


@pytest.mark.parametrize(("text", "name", "parameters"), READ, ids=[text for text, *_ in READ])
def test_a_media_type_is_read_and_written(text: str, name: str, parameters: dict[str, str]) -> None:
    found = parse_media_type(text)
    assert (found.name, dict(found.parameters)) == (name, parameters)
    assert parse_media_type(str(found)) == found


REFUSED = [
    ("", "syntax"),
    ("dicom", "syntax"),
    ("a/", "syntax"),
    ("a/b c", "syntax"),
    ("a/b; x", "syntax"),
    ("a/b; x=", "syntax"),
    ('a/b; x="open', "syntax"),
    ('a/b; x="open\\', "syntax"),
    ('a/b; x="1"2', "syntax"),
    ('a/b; x="line\r\nbreak"', "syntax"),
    ("a/b; x=1, c/d", "syntax"),
    ("a/b; x=\u0100", "syntax"),
    ("*/b", "syntax"),
    ("*/*", "wildcard"),
    ("image/*", "wildcard"),
    ("a/b; x=1; X=2", "duplicate-parameter"),
    ("a/b" + "; x" * MAX_FIELD_LENGTH, "too-long"),
    ("a/b" + "".join(f"; x{n}=1" for n in range(MAX_PARAMETERS + 1)), "too-many"),
]


@pytest.mark.parametrize(("text", "kind"), REFUSED, ids=[text[:20] for text, _ in REFUSED])
def test_what_is_no_media_type_is_refused(text: str, kind: str) -> None:
    with pytest.raises(MediaTypeError) as caught:
        parse_media_type(text)
    assert caught.value.kind == kind


def test_no_line_break_is_ever_written() -> None:
    with pytest.raises(MediaTypeError):
        MediaType("a", "b", (("x", "1\r\nSet-Cookie: y"),))
    with pytest.raises(MediaTypeError):
        MediaType("A", "b")


TOKENS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-.+_", min_size=1, max_size=12)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)
TYPES = st.builds(
    lambda kind, subtype, parameters: MediaType(kind, subtype, tuple(parameters.items())),
    TOKENS,
    TOKENS,
    st.dictionaries(TOKENS, VALUES, max_size=5),
)


@given(TYPES)
def test_any_media_type_comes_back(media_type: MediaType) -> None:
    assert parse_media_type(str(media_type)) == media_type


@given(
    st.dictionaries(
        st.sampled_from(["type", "boundary", "transfer-syntax", "start"]),
        # email miscounts quotes behind backslashes
        st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="\\"), min_size=1),
    )
)
def test_the_email_package_reads_what_is_written(parameters: dict[str, str]) -> None:
    judge = Message()
    judge["Content-Type"] = str(MediaType("multipart", "related", tuple(parameters.items())))
    assert judge.get_params() == [("multipart/related", ""), *parameters.items()]


@given(st.text(max_size=300) | st.text('a/*;=",\\ \tq01.x', max_size=300))
def test_no_text_brings_another_error(text: str) -> None:
    for parse in (parse_media_type, parse_accept, parse_accept_parameter):
        try:
            parse(text)
        except MediaTypeError as error:
            assert error.kind  # noqa: PT017
    choose_coding(text, ("deflate", "gzip", "identity"))


LISTS = [
    ("*/*", [("*/*", 1.0)]),
    ("a/b;q=0.5, c/d ;Q=1.000", [("a/b", 0.5), ("c/d", 1.0)]),
    (", ,a/b,,", [("a/b", 1.0)]),  # RFC 9110 5.6.1.2: empty elements
    ('a/b;x="1,2";q=0, c/d', [('a/b; x="1,2"', 0.0), ("c/d", 1.0)]),
    ('a/b;q=0.1;x="\\",", c/d', [('a/b; x="\\","', 0.1), ("c/d", 1.0)]),  # q wherever it stands (12.5.1)
    ("a/b;q=2, a/b;q=0.1234, a/b;q=-1, a/b;q=, x, c/d", [("c/d", 1.0)]),  # what cannot be read is left out
    ('c/d, a/b;x="open, e/f', [("c/d", 1.0)]),
    ("", []),
]


@pytest.mark.parametrize(("text", "expected"), LISTS, ids=[text for text, _ in LISTS])
def test_a_list_is_read(text: str, expected: list[tuple[str, float]]) -> None:
    assert [(str(found.media_type), found.weight) for found in parse_accept(text)] == expected


def test_the_accept_parameter_knows_no_wildcards() -> None:  # PS3.18 8.3.3.1
    found = parse_accept_parameter("*/*, image/*, application/dicom+json;q=0.3")
    assert found == (MediaRange(MediaType("application", "dicom+json"), 0.3),)


@given(st.lists(st.tuples(TYPES, st.integers(0, 1000)), max_size=8))
def test_any_list_comes_back(listed: list[tuple[MediaType, int]]) -> None:
    plain = [(media_type, weight) for media_type, weight in listed if media_type.get("q") is None]
    text = ", ".join(f"{media_type};q={weight / 1000:.3f}" for media_type, weight in plain)
    if len(text) <= MAX_FIELD_LENGTH:
        assert parse_accept(text) == tuple(MediaRange(kind, weight / 1000) for kind, weight in plain)


@pytest.mark.parametrize(
    ("text", "kind"),
    [(" " * (MAX_FIELD_LENGTH + 1), "too-long"), ("a/b," * (MAX_ELEMENTS + 1), "too-many")],
    ids=["long", "many"],
)
def test_a_list_has_limits(text: str, kind: str) -> None:
    with pytest.raises(MediaTypeError) as caught:
        parse_accept(text)
    assert caught.value.kind == kind


ALL = ("deflate", "gzip", "identity")
CODINGS = [
    (None, ALL, "identity"),  # RFC 9110 12.5.3 rule 1, and the only one that everybody reads
    (None, ("gzip",), None),
    ("", ALL, "identity"),  # an empty field: no content coding is wanted
    ("gzip", ALL, "gzip"),
    ("x-gzip", ALL, "gzip"),  # 8.4.1.3
    ("GZIP , Deflate", ALL, "deflate"),
    ("gzip, deflate, br, zstd", ALL, "deflate"),
    ("deflate;q=0.5, gzip;q=1.0", ALL, "gzip"),
    ("br", ALL, "identity"),
    ("gzip;q=0.001", ALL, "gzip"),
    ("identity, gzip;q=0.5", ALL, "identity"),
    ("gzip;q=0, deflate;q=0", ALL, "identity"),
    ("*", ALL, "deflate"),
    ("*;q=0.1, deflate;q=0", ALL, "gzip"),
    ("gzip, *;q=0", ("identity",), None),  # rule 3: "*;q=0" excludes identity too
    ("identity;q=0", ("identity",), None),
    ("identity;q=0", ALL, None),
    ("identity;q=0, *", ALL, "deflate"),
    ("*;q=0, identity", ALL, "identity"),
    ("gzip;q=nonsense, deflate", ALL, "deflate"),
]


@pytest.mark.parametrize(("field", "available", "expected"), CODINGS)
def test_a_content_coding_is_chosen(
    field: str | None, available: tuple[str, ...], expected: str | None
) -> None:
    assert choose_coding(field, available) == expected
