# SPDX-License-Identifier: Apache-2.0
"""What a run was done with, noted in the manifest."""

import json
import platform
from importlib.metadata import PackageNotFoundError, version

from framedeflate import __version__, engine

__all__ = ["versions"]


def versions() -> str:
    """Return versions as a JSON object: this package's, its engine, Python's, and those that decode or deflate."""
    found = {"framedeflate": __version__, "engine": engine.name, "python": platform.python_version()}
    for name in ("pydicom", "numpy", "deflate"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return json.dumps(found, sort_keys=True)
