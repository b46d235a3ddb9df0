# SPDX-License-Identifier: Apache-2.0
"""Refuse a tag that is not the version of what would be released, or that the change log knows nothing of."""

import re
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]


def faults_of(tag: str, root: Path = ROOT) -> list[str]:
    """Return what speaks against releasing the files of `root` under a tag such as v1.2.3."""
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    faults = []
    if tag != f"v{version}":
        faults.append(f"the tag is {tag}, and pyproject.toml says version {version}")
    if not re.search(
        rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$",
        (root / "CHANGELOG.md").read_text("utf-8"),
        re.M,
    ):
        faults.append(f'CHANGELOG.md has no heading "## [{version}] - YYYY-MM-DD"')
    if f"\nversion: {version}\n" not in (root / "CITATION.cff").read_text(encoding="utf-8"):
        faults.append(f"CITATION.cff is not of version {version}")
    return faults


if __name__ == "__main__":
    found = faults_of(sys.argv[1])
    print("\n".join(found))
    sys.exit(bool(found))
