# SPDX-License-Identifier: Apache-2.0
"""Elements of Accept as DICOM means them: single part or in parts, of which media type, in which Transfer Syntax."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from framedeflate.errors import MediaTypeError
from framedeflate.web.accept import MediaRange
from framedeflate.web.media_type import MediaType, parse_media_range
from framedeflate.web.representations import Representation

__all__ = ["Form", "Wanted", "wanted_of"]

Form = Literal["single", "multipart"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One element of Accept.

    Attributes
    ----------
    name : MediaType
        Of the payload, or of each part where it is in parts; ``*`` where it is open.
    form : "single", "multipart" or "any"
    transfer_syntax : str or None
        A UID, ``*`` for any, None where none is named.
    weight : float
    order : int
        Its place in the list.
    """

    name: MediaType
    form: Form | Literal["any"]
    transfer_syntax: str | None
    weight: float
    order: int

    @property
    def specificity(self) -> tuple[int, int, int]:
        """How narrow it is: the weight of the narrowest range is that of what it covers (RFC 9110 12.5.1)."""
        name = 0 if self.name.type == "*" else 1 if self.name.is_wildcard else 2
        syntax = 0 if self.transfer_syntax is None else 1 if self.transfer_syntax == "*" else 2
        return name, int(self.form != "any"), syntax

    def covers(self, offer: Representation, form: Form) -> bool:
        """Whether `offer`, in that form, is one of those meant."""
        if self.form not in {"any", form}:
            return False
        if self.name.type not in {"*", offer.media_type.partition("/")[0]}:
            return False
        if not self.name.is_wildcard and self.name.name != offer.media_type:
            return False
        if self.transfer_syntax is None:
            # A named type means its default Transfer Syntax (8.7.3). A wildcard names no type, and so none of them; and
            # what is excluded by weight 0 is excluded in all.
            return offer.default or self.name.is_wildcard or self.weight == 0
        # On types without Transfer Syntax the parameter is about binary values in text, or means nothing.
        return self.transfer_syntax == "*" or offer.transfer_syntax_uid in {None, self.transfer_syntax}


def wanted_of(ranges: Iterable[MediaRange]) -> Iterator[Wanted]:
    """Take apart what Accept or the `accept` parameter lists; other multipart types than related are left out."""
    for order, found in enumerate(ranges):
        name, syntax = found.media_type, found.media_type.get("transfer-syntax")
        form: Form | Literal["any"] = "any" if name.type == "*" else "single"
        if name.type == "multipart":
            if name.subtype not in {"related", "*"}:
                continue
            form = "multipart"
            try:
                name = parse_media_range(name.get("type") or "*/*")
            except MediaTypeError:
                continue
            # Older clients put transfer-syntax within the quotes of `type`.
            syntax = syntax or name.get("transfer-syntax")
        yield Wanted(name, form, syntax, found.weight, order)
