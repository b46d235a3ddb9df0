# SPDX-License-Identifier: Apache-2.0
"""Media types with parameters, read and written (RFC 9110 8.3.1, PS3.18 8.7).

Header fields come as text, each byte a character (Latin-1), as HTTP libraries give them.
"""

import re
from dataclasses import dataclass
from typing import Final

from framedeflate.errors import MediaTypeError

__all__ = ["MAX_FIELD_LENGTH", "MAX_PARAMETERS", "MediaType", "parse_media_range", "parse_media_type"]

MAX_FIELD_LENGTH: Final = 8192
"""Characters of a header field; HTTP servers' own limits are of that order."""

MAX_PARAMETERS: Final = 16

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWS: Final = re.compile(r"[ \t]*")
_QUOTED: Final = re.compile(r'"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*)"')
_ESCAPED: Final = re.compile(r"\\(.)")
_TO_ESCAPE: Final = re.compile(r'(["\\])')
_VALUE: Final = re.compile(r"[\t \x21-\x7e\x80-\xff]*")
# A token has no "/", and yet `type=application/dicom` is what the grammar of PS3.18 8.7.3.5.1 gives, and what most
# clients send. So what stands unquoted goes on to the next separator.
_UNQUOTED: Final = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e\x80-\xff]+")


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type, or a media range where a part of its name is ``*``.

    Attributes
    ----------
    type, subtype : str
        Tokens in lower case; RFC 9110 compares them without case.
    parameters : tuple of (str, str)
        Names in lower case, each once, and values as they are meant, without quotes and escapes; in the order given.

    Raises
    ------
    MediaTypeError
        kind ``syntax``: what no header field can hold, a line break say; ``duplicate-parameter``.
    """

    type: str
    subtype: str
    parameters: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        names = [name for name, _ in self.parameters]
        for token in (self.type, self.subtype, *names):
            if not _TOKEN.fullmatch(token) or token != token.lower():
                raise MediaTypeError(
                    "a media type's names must be tokens in lower case (RFC 9110 5.6.2)", kind="syntax"
                )
        if not all(_VALUE.fullmatch(value) for _, value in self.parameters):
            raise MediaTypeError("a parameter's value has control characters", kind="syntax")
        if len(set(names)) != len(names):
            raise MediaTypeError("a parameter stands twice", kind="duplicate-parameter")

    @property
    def name(self) -> str:
        """``type/subtype``."""
        return f"{self.type}/{self.subtype}"

    @property
    def is_wildcard(self) -> bool:
        """Whether it is a range of more than one type: ``*/*`` or ``image/*``."""
        return self.subtype == "*"

    def get(self, parameter: str) -> str | None:
        """Return the value of a parameter, named in lower case; None where it is not there."""
        return dict(self.parameters).get(parameter)

    def adding(self, parameter: str, value: str) -> "MediaType":
        """Return the same with one more parameter at the end."""
        return MediaType(self.type, self.subtype, (*self.parameters, (parameter, value)))

    def __str__(self) -> str:
        """As a header field has it; values are quoted where they must be."""
        return "".join([self.name, *(f"; {name}={_written(value)}" for name, value in self.parameters)])


def parse_media_type(text: str) -> MediaType:
    """Read a media type, the value of Content-Type (RFC 9110 8.3).

    Blanks around "=" and unquoted values that hold "/" are read, since clients in the field send both.

    Raises
    ------
    MediaTypeError
        kind ``syntax`` | ``wildcard`` | ``duplicate-parameter`` | ``too-long`` | ``too-many``.
    """
    media_type = parse_media_range(text)
    if media_type.is_wildcard:
        raise MediaTypeError("a payload has one media type, and this is a range of them", kind="wildcard")
    return media_type


def parse_media_range(text: str) -> MediaType:
    """Read one element of Accept; ``q`` is left among the parameters (RFC 9110 12.5.1).

    Raises
    ------
    MediaTypeError
        kind ``syntax`` | ``duplicate-parameter`` | ``too-long`` | ``too-many``.
    """
    if len(text) > MAX_FIELD_LENGTH:
        raise MediaTypeError(
            f"a media type of {len(text)} characters; {MAX_FIELD_LENGTH} are read", kind="too-long"
        )
    scanner = _Scanner(text)
    kind = scanner.take(_TOKEN).lower()
    scanner.literal("/")
    subtype = scanner.take(_TOKEN).lower()
    # "*/dicom" is a token each, and means nothing.
    if kind == "*" and subtype != "*":
        raise MediaTypeError('only "*/*" may leave the type open', kind="syntax")
    parameters: list[tuple[str, str]] = []
    while not scanner.at_end():
        scanner.literal(";")
        if scanner.at_end() or scanner.peek() == ";":  # RFC 9110 5.6.6: a parameter may be left out
            continue
        if len(parameters) == MAX_PARAMETERS:
            raise MediaTypeError(f"more than {MAX_PARAMETERS} parameters", kind="too-many")
        name = scanner.take(_TOKEN).lower()
        scanner.literal("=")
        parameters.append((name, scanner.value()))
    return MediaType(kind, subtype, tuple(parameters))


class _Scanner:
    """A place in a header field; blanks before whatever is asked for are passed over."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def _skip_blanks(self) -> None:
        found = _OWS.match(self._text, self._position)
        self._position = found.end() if found else self._position

    def at_end(self) -> bool:
        self._skip_blanks()
        return self._position == len(self._text)

    def peek(self) -> str:
        self._skip_blanks()
        return self._text[self._position : self._position + 1]

    def take(self, pattern: re.Pattern[str]) -> str:
        self._skip_blanks()
        found = pattern.match(self._text, self._position)
        if found is None:
            raise self._refused()
        self._position = found.end()
        return found[0]

    def literal(self, character: str) -> None:
        if self.peek() != character:
            raise self._refused()
        self._position += 1

    def value(self) -> str:
        if self.peek() == '"':
            return _ESCAPED.sub(r"\1", self.take(_QUOTED)[1:-1])
        return self.take(_UNQUOTED)

    def _refused(self) -> MediaTypeError:
        return MediaTypeError(f"not a media type: character {self._position} is out of place", kind="syntax")


def _written(value: str) -> str:
    if _TOKEN.fullmatch(value):
        return value
    return '"' + _TO_ESCAPE.sub(r"\\\1", value) + '"'
