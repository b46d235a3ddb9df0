# SPDX-License-Identifier: Apache-2.0
"""The origin server: an ASGI application on an `InstanceStore` and its `Index` (PS3.18).

This is the table of contents; each name comes with its first use. Needs the extra ``web``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framedeflate.web.server.app import create_app
    from framedeflate.web.server.services import Services
    from framedeflate.web.server.settings import ServerSettings

__all__ = ["ServerSettings", "Services", "create_app"]

_HOMES = {"ServerSettings": "settings", "Services": "services", "create_app": "app"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
