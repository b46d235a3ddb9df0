# SPDX-License-Identifier: Apache-2.0
"""The names and lists of the standard that tables of the Conformance Statement are made with.

They are those of the pydicom and pynetdicom that are installed. The pages say of which two they were made; with others
whatever a page lists and calls things is taken from the page, so that all else of its tables can be compared.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pynetdicom
from pydicom.datadict import dictionary_description, keyword_for_tag
from pydicom.uid import UID

from framedeflate.dimse import acceptance
from framedeflate.web.search.attributes import LEVEL_TAGS

DOCS = Path(__file__).parents[1] / "docs"
SEG = "1.2.840.10008.5.1.4.1.1.66.4"

_MADE_WITH = re.compile(r"pydicom \d[\w.]* and pynetdicom \d[\w.]*")


@dataclass(frozen=True)
class Names:
    """What the standard calls things, and the UIDs that are listed.

    Attributes
    ----------
    syntaxes : tuple of str
        Transfer Syntaxes that the receiver accepts for an image, in the order in which it chooses.
    storage : tuple of str
        Storage SOP Classes, in the order of their UIDs.
    of : mapping
        Names by UID, and by tag in the form (0028,0010).
    keywords : mapping
        Keywords by tag.
    """

    syntaxes: tuple[str, ...]
    storage: tuple[str, ...]
    of: Mapping[str, str]
    keywords: Mapping[str, str]


def made_with() -> str:
    """Return the versions that are installed, in the words of the pages."""
    return f"pydicom {pydicom.__version__} and pynetdicom {pynetdicom.__version__}"


def stored_as_made(page: str) -> str:
    """Return the versions that a page says it was made with; nothing where it says none."""
    found = _MADE_WITH.search(page)
    return found[0] if found else made_with()


def installed_names() -> Names:
    """Return what the installed dictionaries say."""
    syntaxes = accepted_syntaxes()
    storage = tuple(sorted(acceptance._KNOWN_STORAGE, key=lambda uid: [*map(int, uid.split("."))]))
    tags = {f"({tag >> 16:04X},{tag & 0xFFFF:04X})": tag for tags in LEVEL_TAGS.values() for tag in tags}
    return Names(
        syntaxes,
        storage,
        {uid: UID(uid).name for uid in syntaxes + storage}
        | {shown: dictionary_description(tag) for shown, tag in tags.items()},
        {shown: keyword_for_tag(tag) for shown, tag in tags.items()},
    )


def accepted_syntaxes() -> tuple[str, ...]:
    """Return what the receiver accepts for an image, in the order in which it chooses."""
    (context,) = acceptance.supported_contexts([SEG])
    return tuple(map(str, context.transfer_syntax or ()))


def names_of_page(page: str) -> Names:
    """Return what a page lists and calls things; the order of what is installed, too, is that of the code."""
    accepted = accepted_syntaxes()
    syntaxes = {
        uid: name.removesuffix(", retired") for uid, name in _columns(page, "transfer-syntaxes", 1, 0).items()
    }
    ours = iter([uid for uid in accepted if uid in syntaxes])
    storage = _columns(page, "sop-classes", 0, 1)
    return Names(
        tuple(next(ours) if uid in accepted else uid for uid in syntaxes),
        tuple(storage),
        syntaxes | storage | _columns(page, "search-attributes", 2, 1),
        _columns(page, "search-attributes", 2, 3),
    )


def _columns(page: str, name: str, key: int, value: int) -> dict[str, str]:
    rows = [line[2:-2].split(" | ") for line in page[place_of(page, name)].split("\n")[2:]]
    return {row[key]: row[value] for row in rows}


def place_of(page: str, name: str) -> slice:
    """Return where on a page a table is, or will be."""
    mark = f"<!-- table: {name} -->\n"
    start = page.index(mark) + len(mark) + 1
    rest = page[start:]
    if not rest.startswith("|"):
        return slice(start - 1, start - 1)
    length = rest.find("\n\n")
    return slice(start, start + (len(rest.rstrip("\n")) if length < 0 else length))
