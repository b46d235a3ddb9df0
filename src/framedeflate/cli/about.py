# SPDX-License-Identifier: Apache-2.0
"""``framedeflate about``: what a bug report should say of an installation."""

import argparse
import os
import platform
from importlib.metadata import PackageNotFoundError, packages_distributions, version

from framedeflate import __version__, engine
from framedeflate.cli.exit_codes import ExitCode
from framedeflate.cli.report import print_json
from framedeflate.extras import EXTRAS, missing_from

__all__ = ["run"]

_CORE = ("deflate", "numpy", "pydicom", "rich")


def run(namespace: argparse.Namespace) -> ExitCode:
    """Print it."""
    packages = _packages()
    extras = {extra: missing_from(extra) for extra in EXTRAS}
    python = f"{platform.python_implementation()} {platform.python_version()}"
    if namespace.json:
        print_json(
            {
                "version": __version__,
                "engine": engine.name,
                "python": python,
                "platform": platform.platform(),
                "machine": platform.machine(),
                "cores": os.cpu_count(),
                "packages": packages,
                "extras": extras,
            }
        )
        return ExitCode.OK
    slow = "" if engine.name == "native" else " (pure Python: the same pixels, slower)"
    lines = [
        ("framedeflate", f"{__version__}, {engine.name} engine{slow}"),
        ("python", f"{python}, {platform.platform()}, {os.cpu_count()} cores"),
        *packages.items(),
    ]
    width = max(len(name) for name, _ in lines)
    for name, text in lines:
        print(f"{name:{width}}  {text}")
    for extra, missing in extras.items():
        how = f'pip install "framedeflate[{extra}]"' if missing else "installed"
        lacks = f" (lacks {', '.join(missing)})" if missing and len(missing) < len(EXTRAS[extra]) else ""
        print(f"{f'[{extra}]':{width}}  {how}{lacks}")
    return ExitCode.OK


def _packages() -> dict[str, str]:
    """Return the version of each package that is used and installed, by the name that pip knows it by."""
    modules = {*_CORE, *(module for named in EXTRAS.values() for module in named)}
    distributions = packages_distributions()
    found = {}
    for distribution in sorted({name for module in modules for name in distributions.get(module, ())}):
        try:
            found[distribution] = version(distribution)
        except PackageNotFoundError:
            # What is left of it is a folder without its facts.
            continue
    return found
