# SPDX-License-Identifier: Apache-2.0
"""The extras, what they bring, and the error that names the one that is missing.

Each third-party package is imported in a few modules (docs/design.md), under `needing` where it is not part of the
core, so that whoever imports one of them without it is told what to install, and not a package's name alone.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Final

from framedeflate.errors import MissingExtraError

__all__ = ["EXTRAS", "is_installed", "missing_from", "needing", "require"]

EXTRAS: Final = {
    "codecs": ("pylibjpeg", "openjpeg", "rle", "jpeg_ls", "gdcm"),
    "dask": ("distributed",),
    "dimse": ("pynetdicom",),
    "images": ("PIL",),
    "postgres": ("psycopg",),
    "remote": ("obstore",),
    "web": (
        "starlette",
        "uvicorn",
        "httptools",
        "sqlalchemy",
        "jwt",
        "prometheus_client",
        "PIL",
        "httpx",
    ),
    "zarr": ("zarr", "fsspec"),
}
"""Modules that each extra brings. Left out is what is done without: uvloop, which Windows has not."""


def is_installed(module: str) -> bool:
    """Whether a top-level module could be imported; it is not."""
    if module in sys.modules:
        return sys.modules[module] is not None
    try:
        return find_spec(module) is not None
    except ValueError:
        return False


def missing_from(extra: str) -> tuple[str, ...]:
    """Return what of an extra is not there."""
    return tuple(module for module in EXTRAS[extra] if not is_installed(module))


def require(extra: str, feature: str, *modules: str) -> None:
    """Make sure that an extra is there, or of it the modules named.

    Raises
    ------
    MissingExtraError
        It is not.
    """
    if not all(map(is_installed, modules or EXTRAS[extra])):
        raise MissingExtraError(extra=extra, feature=feature)


@contextmanager
def needing(extra: str, feature: str) -> Iterator[None]:
    """Have an import that fails name the extra.

    Raises
    ------
    MissingExtraError
        A module that is imported inside is not there.
    """
    try:
        yield
    except MissingExtraError:
        raise
    except ImportError as error:
        raise MissingExtraError(extra=extra, feature=feature) from error
