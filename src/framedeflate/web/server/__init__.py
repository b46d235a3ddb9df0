# SPDX-License-Identifier: Apache-2.0
"""The origin server: an ASGI application on an `InstanceStore` and its `Index` (PS3.18).

This is the table of contents; each name comes with its first use. Needs the extra ``web``.
"""

from typing import TYPE_CHECKING

from framedeflate.extras import require
from framedeflate.table_of_contents import names_at_first_use

if TYPE_CHECKING:
    from framedeflate.web.server.app import create_app
    from framedeflate.web.server.services import Services
    from framedeflate.web.server.settings import ServerSettings

require("web", "the DICOMweb server")

__all__ = ["ServerSettings", "Services", "create_app"]

__getattr__ = names_at_first_use(
    __name__, {"ServerSettings": "settings", "Services": "services", "create_app": "app"}
)
