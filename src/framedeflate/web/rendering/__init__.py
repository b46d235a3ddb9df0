# SPDX-License-Identifier: Apache-2.0
"""Frames rendered as pictures of 8 bits, as the parameters of a request ask (PS3.18 8.3.5, 8.7.4; PS3.4 N.2)."""
