# SPDX-License-Identifier: Apache-2.0
"""Puts the stored figures into docs/performance.md and docs/archives.md, between markers, and draws
docs/pictures/curve.svg.

python benchmarks/render.py            write them
python benchmarks/render.py --check    only say whether they are those of the stored figures
"""

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import curve
import results
from aims import aims
from archive_projection import projection
from archive_tables import archive
from encode_tables import encode
from file_tables import files
from inflate_tables import inflate
from open_tables import opening
from pydicom_tables import reading
from segmentation_tables import segmentation
from send_tables import send
from serve_tables import serve
from thread_tables import threads

__all__ = ["ARCHIVES", "CURVE", "PAGE", "filled", "main", "picture", "stored"]

_DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
PAGE: Final = _DOCS / "performance.md"
ARCHIVES: Final = _DOCS / "archives.md"
CURVE: Final = _DOCS / "pictures" / "curve.svg"

_MARKED: Final = re.compile(r"(<!-- table: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)

_BENCHMARKS: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "encode": encode,
    "inflate": inflate,
    "files": files,
    "threads": threads,
    "open": opening,
    "pydicom": reading,
    "pydicomdev": reading,
    "segmentation": segmentation,
    "send": send,
    "serve": serve,
    "archive": archive,
}
"""What shows the figures of each, by its name, which is that of its marker; the markers "aims", for all of
them, and "projection", out of "archive", are beside these."""


def filled(page: str, folder: Path = results.FOLDER) -> str:
    """Return the page with each marked table as the stored figures have it; empty where there are none.

    Raises
    ------
    KeyError
        A marker names no table.
    """

    def table(found: re.Match[str]) -> str:
        if found[2] == "aims":
            return f"{found[1]}{aims(stored(folder))}\n{found[3]}"
        if found[2] == "projection":
            figures = results.load("archive", folder)
            return f"{found[1]}{projection(figures) if figures else ''}\n{found[3]}"
        show = _BENCHMARKS[found[2]]
        figures = results.load(found[2], folder)
        if figures is None:
            return f"{found[1]}{found[3]}"
        return f"{found[1]}{show(figures)}\n\n{results.words(figures)}\n{found[3]}"

    return _MARKED.sub(table, page)


def stored(folder: Path = results.FOLDER) -> dict[str, dict[str, Any]]:
    """Return all stored figures, by benchmark."""
    found = {name: results.load(name, folder) for name in _BENCHMARKS}
    return {name: figures for name, figures in found.items() if figures}


def picture(folder: Path = results.FOLDER) -> str | None:
    """Return the speed/size curve of the stored figures, or None where there are none."""
    figures = results.load("encode", folder)
    return None if figures is None else curve.svg(curve.points(figures))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where something would change")
    check = parser.parse_args(arguments).check
    if not check:
        print(aims(stored()))
    stale = []
    pages = [(page, filled(page.read_text(encoding="utf-8"))) for page in (PAGE, ARCHIVES)]
    for path, text in (*pages, (CURVE, picture())):
        if text is None or (path.is_file() and path.read_text(encoding="utf-8") == text):
            continue
        stale.append(path)
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path.name} {'is not what the stored figures say' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
