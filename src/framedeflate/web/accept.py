# SPDX-License-Identifier: Apache-2.0
"""What a request accepts: the Accept field, the `accept` parameter and Accept-Encoding (RFC 9110 12.4, 12.5).

Elements of a list that cannot be read are left out, the others stand (PS3.18 8.7.5 to 8.7.7 know no error for them).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from framedeflate.errors import MediaTypeError
from framedeflate.web.media_type import MAX_FIELD_LENGTH, MediaType, parse_media_range

__all__ = ["MAX_ELEMENTS", "MediaRange", "choose_coding", "parse_accept", "parse_accept_parameter"]

MAX_ELEMENTS: Final = 64
"""Elements of a list, empty ones not counted; viewers that name every media type of PS3.18 stay below 30."""

# RFC 9110 12.4.2; ".2" as Java's HttpURLConnection sends it in every request.
_WEIGHT: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?|\.[0-9]{1,3}")
_MARKS: Final = re.compile(r'[",\\]')
_CODING: Final = re.compile(
    r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:;[ \t]*[qQ][ \t]*=[ \t]*([0-9.]+)[ \t]*)?"
)


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One element of Accept.

    Attributes
    ----------
    media_type : MediaType
        Its name, ``*`` where it is open, and its parameters but q.
    weight : float
        From 0, never send it, to 1, which is meant where none is given.
    """

    media_type: MediaType
    weight: float = 1.0


def parse_accept(text: str) -> tuple[MediaRange, ...]:
    """Read an Accept field (RFC 9110 12.5.1); several fields of that name are joined by commas before.

    Raises
    ------
    MediaTypeError
        kind ``too-long`` | ``too-many``: the whole list cannot be believed then, and the answer is 400.
    """
    ranges = []
    for element in _elements(text):
        try:
            ranges.append(_weighted(parse_media_range(element)))
        except MediaTypeError:
            continue  # RFC 9110 12.1: what is accepted is advice, and the rest of it can be followed
    return tuple(ranges)


def parse_accept_parameter(text: str) -> tuple[MediaRange, ...]:
    """Read the `accept` query parameter (PS3.18 8.3.3.1): like Accept, but wildcards are left out.

    The text is percent-decoded, and "+" stands for itself: a decoder for HTML forms would make ``application/dicom
    json`` of the most common value.

    Raises
    ------
    MediaTypeError
        As `parse_accept`.
    """
    return tuple(found for found in parse_accept(text) if not found.media_type.is_wildcard)


def choose_coding(accept_encoding: str | None, available: Sequence[str]) -> str | None:
    """Choose the content coding of an answer (RFC 9110 12.5.3).

    Parameters
    ----------
    accept_encoding : str or None
        The Accept-Encoding field; None where the request has none. Anything goes then, and ``identity`` is the only one
        that every client reads.
    available : sequence of str
        Codings that can be sent, in lower case, the most wanted first; ``identity`` is one of them where it can be.

    Returns
    -------
    str or None
        The one with the greatest weight, the first of `available` among equals; None where none is acceptable.

    Raises
    ------
    MediaTypeError
        As `parse_accept`.
    """
    if accept_encoding is None:
        return "identity" if "identity" in available else None
    weights = _coding_weights(accept_encoding)
    others = weights.get("*")

    def weight(coding: str) -> float:
        # "identity" that is not named is acceptable, and comes after all that are, unless "*" excludes it.
        unnamed = (0.0 if others == 0 else 0.0001) if coding == "identity" else others or 0.0
        return weights.get(coding, unnamed)

    best = max(available, key=weight, default=None)  # the first of those that are equal
    return best if best is not None and weight(best) > 0 else None


def _coding_weights(text: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for element in _elements(text):
        found = _CODING.fullmatch(element)
        if found is None or (found[2] is not None and not _WEIGHT.fullmatch(found[2])):
            continue
        coding = found[1].lower().removeprefix("x-")  # RFC 9110 8.4.1.3: x-gzip is gzip
        weights.setdefault(coding, 1.0 if found[2] is None else float(found[2]))
    return weights


def _weighted(media_range: MediaType) -> MediaRange:
    weight = media_range.get("q")  # wherever it stands (RFC 9110 12.5.1)
    if weight is None:
        return MediaRange(media_range)
    if not _WEIGHT.fullmatch(weight):
        raise MediaTypeError("q must be from 0 to 1, with three decimals at most", kind="weight")
    others = tuple((name, value) for name, value in media_range.parameters if name != "q")
    return MediaRange(MediaType(media_range.type, media_range.subtype, others), float(weight))


def _elements(text: str) -> Iterator[str]:
    """Yield the elements of a list, empty ones left out; commas in quotes part none (RFC 9110 5.6.1)."""
    if len(text) > MAX_FIELD_LENGTH:
        raise MediaTypeError(
            f"a list of {len(text)} characters; {MAX_FIELD_LENGTH} are read", kind="too-long"
        )
    count = start = position = 0
    quoted = False
    while True:
        mark = _MARKS.search(text, position)
        end = mark.start() if mark else len(text)
        if mark and (mark[0] == '"' or quoted):
            # A backslash within quotes takes the character behind it along; elsewhere it has no meaning.
            quoted = quoted != (mark[0] == '"')
            position = end + (2 if mark[0] == "\\" else 1)
            continue
        if mark and mark[0] == "\\":
            position = end + 1
            continue
        if element := text[start:end].strip(" \t"):
            count += 1
            if count > MAX_ELEMENTS:
                raise MediaTypeError(f"a list of more than {MAX_ELEMENTS} elements", kind="too-many")
            yield element
        if mark is None:
            return
        start = position = end + 1
