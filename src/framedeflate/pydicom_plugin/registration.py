# SPDX-License-Identifier: Apache-2.0
"""Makes pydicom know the Transfer Syntax, its coders and its methods."""

import threading

from framedeflate.pydicom_plugin.coders import add_coders
from framedeflate.pydicom_plugin.known_uid import make_uid_known
from framedeflate.pydicom_plugin.methods import wrap_methods

__all__ = ["register"]

_lock = threading.Lock()


def register() -> None:
    """Register this package with pydicom, for the process and until it ends. Calling it again does nothing.

    The order in which pydicom, pynetdicom, highdicom and this package are imported does not matter.
    """
    with _lock:
        make_uid_known()
        add_coders()
        wrap_methods()
