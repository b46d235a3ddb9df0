# SPDX-License-Identifier: Apache-2.0
"""What a run leaves behind: one small JSON file a benchmark, with the kind of machine it ran on."""

import importlib.metadata
import json
import os
import platform
import re
import zlib
from pathlib import Path
from typing import Any, Final

from framedeflate import engine

__all__ = ["FOLDER", "load", "machine", "store", "words"]

FOLDER: Final = Path(__file__).resolve().parent / "results"

_BUSY: Final = 1.6
_RIVALS: Final = ("deflate", "isal", "zlib-ng", "zopfli", "numpy")


def machine() -> dict[str, Any]:
    """Describe what the figures depend on, in words that name nobody's machine."""
    versions = {"zlib": zlib.ZLIB_RUNTIME_VERSION}
    for name in _RIVALS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else 0.0,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "engine": engine.name,
        "versions": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def store(name: str, result: dict[str, Any], folder: Path = FOLDER) -> Path:
    """Write a result, numbers to four digits; what else is in `folder` stays."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    text = json.dumps(_rounded(result), indent=1)
    # A list a line: a cell of a table is one.
    text = re.sub(r"\[[^\[\]{}]*\]", lambda found: re.sub(r"\s*\n\s*", " ", found[0]), text)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def load(name: str, folder: Path = FOLDER) -> dict[str, Any] | None:
    """Return a stored result, or None where there is none."""
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result


def words(figures: dict[str, Any]) -> str:
    """Return a line that says what the figures were taken on, for the foot of a table."""
    facts = figures["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    # The benchmark before this one is a load of 1.
    busy = f" taken beside other work (load {facts['load']}): provisional;" if facts["load"] >= _BUSY else ""
    core = "" if facts["engine"] == "native" else f" {facts['engine']} engine;"
    return (
        f"Medians of {figures['rounds']};{busy}{core} {facts['processor']}, {facts['cores']} cores, {facts['system']}, "
        f"Python {facts['python']}, {versions}."
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
