# SPDX-License-Identifier: Apache-2.0
"""A hook of mkdocs: links from a page to a file of the repository lead to the forge.

In the repository `../tests/reader.py` is right as it stands; on the site there is no such file.
"""

import logging
import posixpath
import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

_LOG: Final = logging.getLogger("mkdocs.hooks.repository_links")

# Code is stepped over first: what looks like a link in there is none.
_CODE_OR_LINK: Final = re.compile(
    r"^(?P<fence>`{3,})[^\n]*\n.*?^(?P=fence) *$|(?P<ticks>`+)[^`].*?(?P=ticks)|(?<=\]\()(?P<link>\.\.?/[^)\s]*)(?=\))",
    re.MULTILINE | re.DOTALL,
)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Return the page with each relative link that leaves the folder of the documents made one to the forge."""
    root = Path(config.config_file_path).parent
    documents = Path(config.docs_dir).relative_to(root).as_posix()

    def link(found: re.Match[str]) -> str:
        target = found["link"]
        if target is None:
            return found[0]
        path, fragment = urlsplit(target).path, urlsplit(target).fragment
        inside = posixpath.normpath(posixpath.join(documents, posixpath.dirname(page.file.src_uri), path))
        if inside == documents or inside.startswith(f"{documents}/"):
            return target
        if inside.startswith("..") or not (root / inside).exists():
            _LOG.warning("%s links to %s, which the repository does not have", page.file.src_uri, target)
            return target
        kind = "tree" if (root / inside).is_dir() else "blob"
        return f"{config.repo_url}/{kind}/main/{inside}" + (f"#{fragment}" if fragment else "")

    return _CODE_OR_LINK.sub(link, markdown)
