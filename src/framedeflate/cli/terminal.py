# SPDX-License-Identifier: Apache-2.0
"""The terminal behind standard error, where bars are drawn."""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["bar_console", "draws_bars"]


def draws_bars() -> bool:
    """Whether a bar can be drawn: not in a pipe, nor on a dumb terminal, which cannot go back in its line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def bar_console() -> "Console":
    """Return the console to draw on. Lines printed above a bar are left whole: a path that is copied has no newline."""
    from rich.console import Console

    return Console(stderr=True, soft_wrap=True)
