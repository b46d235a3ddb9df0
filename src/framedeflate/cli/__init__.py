# SPDX-License-Identifier: Apache-2.0
"""The command ``framedeflate``: one file per subcommand."""

from framedeflate.cli.main import main

__all__ = ["main"]
