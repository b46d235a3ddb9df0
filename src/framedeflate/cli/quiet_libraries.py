# SPDX-License-Identifier: Apache-2.0
"""Silence for libraries that print what a peer sent: it may be a patient's name, also where a UID should stand."""

import logging
import warnings

__all__ = ["quiet_libraries"]


def quiet_libraries() -> None:
    """Have pynetdicom and pydicom print nothing.

    pynetdicom prints whole messages, and a traceback for each stranger who sends nonsense; pydicom quotes, in its log
    and in warnings, what is no value of its VR.
    """
    for name in ("pynetdicom", "pydicom"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        warnings.filterwarnings("ignore", module=rf"{name}(\.|$)")
