# SPDX-License-Identifier: Apache-2.0
"""Which representation answers a request, or why none does (PS3.18 8.7.5 to 8.7.8, 10.4.4; RFC 9110 12.5, 15.5.7)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from framedeflate.errors import MediaTypeError
from framedeflate.web.accept import MediaRange, choose_coding, parse_accept, parse_accept_parameter
from framedeflate.web.content_encoding import CODINGS
from framedeflate.web.media_type import MediaType
from framedeflate.web.refusal import Refusal
from framedeflate.web.representations import (
    Making,
    Representation,
    StoredInstance,
    Target,
    representations,
)
from framedeflate.web.wanted import Form, Wanted, wanted_of

__all__ = ["VARY", "Abilities", "Answer", "Asked", "Part", "negotiate"]

VARY: Final = "Accept, Accept-Encoding"
"""Value of Vary in every answer to a retrieval, refusals included: a cache may give none of them to others."""

_DICOM_ONLY: Final = frozenset(
    {
        "application/dicom",
        "application/dicom+json",
        "application/dicom+xml",
        "application/octet-stream",
        "application/x-deflate",
        "image/dicom-rle",
        "image/jls",
        "image/jpx",
    }
)
_RENDERED_ONLY: Final = frozenset(
    {"image/gif", "image/png", "text/html", "text/plain", "text/xml", "text/rtf", "application/pdf"}
)
_EITHER: Final = frozenset(
    {
        "image/jpeg",
        "image/jp2",
        "image/jph",
        "image/jphc",
        "image/jxl",
        "video/mpeg",
        "video/mp4",
        "video/h265",
    }
)
_RENDERED_TARGETS: Final = frozenset({Target.RENDERED, Target.RENDERED_FRAMES, Target.THUMBNAIL})
_IN_PARTS_BY_DEFAULT: Final = frozenset(set(Target) - _RENDERED_TARGETS - {Target.METADATA})


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a server can make, and how it reads a request that leaves everything open.

    Attributes
    ----------
    rendered : tuple of str
        Rendered media types, the default first.
    metadata_xml : bool
        Whether it writes Native DICOM Model (PS3.19).
    absent_accept : "refused" or "anything"
        A request without Accept: 406, as 8.7.5 says, or taken for ``*/*``, as RFC 9110 12.5.1 does.
    """

    rendered: tuple[str, ...] = ("image/jpeg", "image/png")
    metadata_xml: bool = False
    absent_accept: Literal["refused", "anything"] = "refused"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says of the answer's form; None where it does not say it.

    Attributes
    ----------
    accept : str or None
        The Accept field, several joined by commas.
    accept_parameter : str or None
        The `accept` query parameter, percent-decoded ("+" stays).
    accept_encoding : str or None
        The Accept-Encoding field.
    """

    accept: str | None
    accept_parameter: str | None = None
    accept_encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """How one instance's part of the answer is made.

    Attributes
    ----------
    media_type : MediaType
        Its Content-Type, with transfer-syntax where it has one (8.7.9).
    transfer_syntax_uid : str or None
    making : Making
    part_per_frame : bool
        Whether each Frame is a part of its own.
    """

    media_type: MediaType
    transfer_syntax_uid: str | None
    making: Making
    part_per_frame: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """How to answer.

    Attributes
    ----------
    media_type : MediaType
        Content-Type of the whole; for ``multipart/related`` the boundary is still to be added.
    parts : tuple of Part
        One for each instance asked about, in their order.
    content_encoding : str or None
        ``deflate`` or ``gzip``: by wrapping where the making is WRAPPED, by compressing metadata. None: no such header.
    """

    media_type: MediaType
    parts: tuple[Part, ...]
    content_encoding: str | None = None

    @property
    def multipart(self) -> bool:
        """Whether the payload is in parts."""
        return self.media_type.type == "multipart"

    def headers(self) -> dict[str, str]:
        """Return the header fields that follow from this; Content-Type only where no boundary is missing."""
        fields = {"Vary": VARY}
        if not self.multipart:
            fields["Content-Type"] = str(self.media_type)
        if self.content_encoding is not None:
            fields["Content-Encoding"] = self.content_encoding
        return fields


@dataclass(frozen=True, slots=True)
class _Choice:
    """A representation in one of its forms, and how much it is wanted: the smallest `rank` is the answer."""

    offer: Representation
    form: Form
    rank: tuple[float, bool, bool, int, int]


def negotiate(
    target: Target, stored: Sequence[StoredInstance], asked: Asked, abilities: Abilities | None = None
) -> Answer | Refusal:
    """Decide how a retrieval is answered.

    The `accept` parameter goes before Accept (8.7.8.1). Within each, the greatest weight wins, that of the most
    specific range which matches (RFC 9110 12.5.1); among equals what is named before what a wildcard matches, then what
    is stored as it is, then what is listed first. A wildcard alone gives the category's default.

    Parameters
    ----------
    target : Target
    stored : sequence of StoredInstance
        What is asked about: several for a study or series, else one. At least one.
    asked : Asked
    abilities : Abilities, optional

    Returns
    -------
    Answer or Refusal

    Raises
    ------
    ValueError
        `stored` is empty: what is not there is 404, and no matter of negotiation.
    """
    if not stored:
        raise ValueError("negotiate needs at least one stored instance")
    decide = _decide_again if len(stored) == 1 else _decide
    return decide(target, tuple(stored), asked, abilities or Abilities())


def _decide(
    target: Target, stored: tuple[StoredInstance, ...], asked: Asked, abilities: Abilities
) -> Answer | Refusal:
    offers = {
        instance: representations(
            target, instance, rendered=abilities.rendered, metadata_xml=abilities.metadata_xml
        )
        for instance in dict.fromkeys(stored)
    }
    available = _listed(offers.values())
    accept = "*/*" if asked.accept is None and abilities.absent_accept == "anything" else asked.accept
    if accept is None:
        return Refusal(406, "no-accept", "Accept must be given, */* at least (PS3.18 8.7.5).", available)
    try:
        in_header = parse_accept(accept)
        in_parameter = parse_accept_parameter(asked.accept_parameter or "")
        if _is_mixture(target, (*in_header, *in_parameter)):
            return Refusal(
                400,
                "mixture",
                "Accept names DICOM and rendered media types; ask for one or the other (PS3.18 8.7.5).",
                available,
            )
        header = tuple(wanted_of(in_header))
        parameter = tuple(wanted_of(in_parameter))
        parts = _choose_parts(target, stored, offers, parameter, header)
        if parts is None:
            return Refusal(
                406,
                "nothing-acceptable",
                "None of the acceptable media types can be sent (PS3.18 8.7.8.1).",
                available,
            )
        return _answer(target, stored[0], parts, asked.accept_encoding, available)
    except MediaTypeError as error:
        return Refusal(400, "bad-list", f"A list of what is acceptable cannot be read: {error}.", available)


# A viewer asks for thousands of Frames in the same words. What is remembered is bounded: 256 requests of at most three
# header fields each.
_decide_again = lru_cache(maxsize=256)(_decide)


def _choose_parts(
    target: Target,
    stored: Sequence[StoredInstance],
    offers: dict[StoredInstance, tuple[Representation, ...]],
    parameter: tuple[Wanted, ...],
    header: tuple[Wanted, ...],
) -> list[_Choice] | None:
    """Return what is chosen of each instance, all in one form; None where one of them has nothing acceptable."""
    chosen: dict[StoredInstance, _Choice] = {}
    for instance, of_instance in offers.items():
        # What the parameter names must be covered by Accept as well (8.3.3.1), or it is not there.
        choices = [
            choice for choice in _choices(target, of_instance, parameter) if _is_covered(choice, header)
        ] or list(_choices(target, of_instance, header))
        if not choices:
            return None
        chosen[instance] = min(choices, key=lambda choice: choice.rank)
    return [chosen[instance] for instance in stored]


def _choices(
    target: Target, offers: tuple[Representation, ...], wanted: tuple[Wanted, ...]
) -> Iterator[_Choice]:
    forms: tuple[Form, ...] = ("single", "multipart")
    if target in _IN_PARTS_BY_DEFAULT:
        forms = ("multipart", "single")
    for place, (offer, form) in enumerate((offer, form) for offer in offers for form in forms):
        if not (offer.single if form == "single" else offer.multipart):
            continue
        best = _most_specific(offer, form, wanted)
        if best is None or best.weight == 0:
            continue
        by_wildcard = best.name.is_wildcard
        takes_default = by_wildcard and best.transfer_syntax is None
        altered = not takes_default and offer.making is not Making.STORED
        yield _Choice(offer, form, (-best.weight, by_wildcard, altered, best.order, place))


def _most_specific(offer: Representation, form: Form, wanted: Iterable[Wanted]) -> Wanted | None:
    found = [one for one in wanted if one.covers(offer, form)]
    return max(found, key=lambda one: (one.specificity, one.weight, -one.order), default=None)


def _is_covered(choice: _Choice, header: tuple[Wanted, ...]) -> bool:
    """Whether Accept has a media range for what the parameter names; Transfer Syntaxes are not compared."""
    ranges = [
        replace(one, transfer_syntax=None) for one in header if one.weight > 0 or not one.transfer_syntax
    ]
    best = _most_specific(replace(choice.offer, default=True), choice.form, ranges)
    return best is not None and best.weight > 0


def _answer(
    target: Target,
    first: StoredInstance,
    choices: Sequence[_Choice],
    accept_encoding: str | None,
    available: tuple[str, ...],
) -> Answer | Refusal:
    offer = choices[0].offer
    in_parts = choices[0].form == "multipart"
    # The note of 8.7.3.3.2: a lone Frame that is stored deflated, uncompressed, as the whole payload.
    wraps = (
        not in_parts
        and offer.making is Making.INFLATED
        and (target is Target.FRAME or (target is Target.PIXEL_DATA and first.number_of_frames == 1))
    )
    codings = (*CODINGS, "identity") if wraps or target is Target.METADATA else ("identity",)
    coding = choose_coding(accept_encoding, codings)
    if coding is None:
        return Refusal(
            406, "no-coding", f"Accept-Encoding must allow one of: {', '.join(codings)}.", available
        )
    parts = tuple(_part(choice.offer, wrapped=wraps and coding != "identity") for choice in choices)
    whole = (
        MediaType("multipart", "related", (("type", offer.media_type),)) if in_parts else parts[0].media_type
    )
    return Answer(whole, parts, None if coding == "identity" else coding)


def _part(offer: Representation, *, wrapped: bool) -> Part:
    kind, _, subtype = offer.media_type.partition("/")
    media_type = MediaType(kind, subtype)
    if offer.transfer_syntax_uid is not None:
        media_type = media_type.adding("transfer-syntax", offer.transfer_syntax_uid)
    making = Making.WRAPPED if wrapped else offer.making
    return Part(media_type, offer.transfer_syntax_uid, making, offer.part_per_frame)


def _is_mixture(target: Target, ranges: Iterable[MediaRange]) -> bool:
    """Whether DICOM and rendered media types are both named (8.7.5); wildcards and exclusions name none."""
    names = {one.name.name for one in wanted_of(ranges) if one.weight > 0}
    # image/jpeg and the like are both. Among rendered types they are rendered; elsewhere they may be either, so that
    # the list which Java's HttpURLConnection sends, text/html and image/jpeg in it, is no mixture.
    rendered = _RENDERED_ONLY | _EITHER if target in _RENDERED_TARGETS else _RENDERED_ONLY
    return bool(names & _DICOM_ONLY) and bool(names & rendered)


def _listed(offers: Iterable[tuple[Representation, ...]]) -> tuple[str, ...]:
    """Return what could be sent of every instance, as elements of Accept."""
    lists = [
        [str(element) for offer in of_instance for element in _elements_of(offer)] for of_instance in offers
    ]
    first, *others = lists or [[]]
    return tuple(element for element in first if all(element in other for other in others))


def _elements_of(offer: Representation) -> Iterator[MediaType]:
    kind, _, subtype = offer.media_type.partition("/")
    syntax = () if offer.transfer_syntax_uid is None else (("transfer-syntax", offer.transfer_syntax_uid),)
    if offer.single:
        yield MediaType(kind, subtype, syntax)
    if offer.multipart:
        yield MediaType("multipart", "related", (("type", offer.media_type), *syntax))
