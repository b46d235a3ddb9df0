# SPDX-License-Identifier: Apache-2.0
"""Data Elements: where they are, their headers and encodings, and Data Sets deflated as a whole (PS3.5 7, A)."""
