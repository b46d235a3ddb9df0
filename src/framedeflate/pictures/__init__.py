# SPDX-License-Identifier: Apache-2.0
"""Frames as pictures for the eye: read from a file in any Transfer Syntax, coloured, written as PNG."""
