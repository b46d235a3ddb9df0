# SPDX-License-Identifier: Apache-2.0
"""The version of the package, which pyproject.toml says and nothing else."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final

__all__: list[str] = []


def _version() -> str:
    try:
        return version("framedeflate")
    except PackageNotFoundError:
        # The sources on a path, without an installation: which version they are, only their repository knows.
        return "0+unknown"


__version__: Final = _version()
