# SPDX-License-Identifier: Apache-2.0
"""If-None-Match, Range and If-Range, by the examples and the rules of RFC 9110."""

import pytest

from framedeflate.web.conditions import is_known, wanted_range

TAG = '"xyzzy"'


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (None, False),
        ('"xyzzy"', True),
        ('W/"xyzzy"', True),
        ('"xyzzy", "r2d2xxxx", "c3piozzzz"', True),
        ('W/"r2d2xxxx",W/"xyzzy"', True),
        ("*", True),
        (" * ", True),
        ('"xyzz"', False),
        ('"a,"xyzzy', False),
        ("xyzzy", False),
        ("", False),
    ],
)
def test_what_the_client_has(header: str | None, known: bool) -> None:
    assert is_known(header, TAG) is known
    assert is_known(header, f"W/{TAG}") is known


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-499", (0, 500)),
        ("bytes=500-999", (500, 1000)),
        ("bytes=-500", (9500, 10000)),
        ("bytes=9500-", (9500, 10000)),
        ("Bytes=0-0", (0, 1)),
        ("bytes=-1", (9999, 10000)),
        ("bytes=-20000", (0, 10000)),
        ("bytes=9999-99999", (9999, 10000)),
        ("bytes=10000-", "unsatisfiable"),
        ("bytes=10000-20000", "unsatisfiable"),
        ("bytes=-0", "unsatisfiable"),
        # Several, others, and what cannot be read: the whole.
        ("bytes=0-0,-1", None),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("seconds=1-2", None),
        ("bytes=+1-2", None),
        ("bytes=1-" + "9" * 5000, None),
    ],
)
def test_one_range(header: str | None, expected: object) -> None:
    assert wanted_range(header, None, TAG, 10_000) == expected
    assert wanted_range(header, TAG, TAG, 10_000) == expected
    for other in ('"other"', f"W/{TAG}", "Sat, 29 Oct 1994 19:43:31 GMT", ""):
        assert wanted_range(header, other, TAG, 10_000) is None


def test_nothing_has_no_range() -> None:
    assert wanted_range("bytes=0-", None, TAG, 0) == "unsatisfiable"
    assert wanted_range("bytes=-5", None, TAG, 0) == "unsatisfiable"
