# SPDX-License-Identifier: Apache-2.0
"""``python -m framedeflate``."""

import sys

from framedeflate.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
