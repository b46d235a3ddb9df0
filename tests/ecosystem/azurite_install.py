# SPDX-License-Identifier: Apache-2.0
"""Azurite, the emulator of Azure Blob Storage.

    python tests/ecosystem/azurite_install.py

npm installs it below build/azurite, once.
"""

import shutil
import sys
from pathlib import Path
from typing import Final

__all__ = ["AZURITE", "install_azurite"]

_BUILD: Final = Path(__file__).parents[2] / "build"
AZURITE: Final = _BUILD / "azurite/node_modules/azurite/dist/src/blob/main.js"
"""What node runs: blobs alone, without queues and tables."""


def install_azurite() -> Path:
    """Return the script."""
    if not AZURITE.is_file():
        from ecosystem.cornerstone_bundle import npm_install

        work = npm_install(_BUILD / "azurite.work", "azurite@3")
        shutil.rmtree(_BUILD / "azurite", ignore_errors=True)
        # In place by its name only when it is whole.
        work.rename(_BUILD / "azurite")
    return AZURITE


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    print(install_azurite(), file=sys.stderr)
