# SPDX-License-Identifier: Apache-2.0
"""Other tools, tried with deflated files: `run.py` prints the table of docs/ecosystem.md."""
