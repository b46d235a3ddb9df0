# SPDX-License-Identifier: Apache-2.0
"""What a page of HTML links to, shows and asks for."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit


@dataclass
class HtmlPage(HTMLParser):
    """A page's anchors, and what it refers to."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    """Where its words lead."""
    parts: list[str] = field(default_factory=list)
    """What a browser asks for by itself: pictures, styles, scripts."""
    pictures_without_words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and not {"prev", "next", "canonical"} & set(values.get("rel", "").split()):
            self.parts.append(values["href"])
        self.parts += [values[name] for name in ("src", "data", "poster") if name in values]
        if tag == "img" and not values.get("alt", "").strip():
            self.pictures_without_words.append(values.get("src", ""))


def parsed(html: str) -> HtmlPage:
    page = HtmlPage()
    page.feed(html)
    page.close()
    return page


def is_elsewhere(address: str) -> bool:
    """Whether an address is not the site's own, nor data in the page itself."""
    parts = urlsplit(address)
    return parts.scheme not in {"", "data"} or bool(parts.netloc)


def is_well_formed(address: str) -> bool:
    """Whether an address elsewhere is one of https, with a host that has a name."""
    parts = urlsplit(address)
    return parts.scheme == "https" and "." in (parts.hostname or "") and not any(c.isspace() for c in address)
