# SPDX-License-Identifier: Apache-2.0
"""Completion: `words` is what can be typed, read off the parsers; the others write it down for one shell each."""
