# SPDX-License-Identifier: Apache-2.0
"""Segmentations written plane by plane (PS3.3 A.51): a template, planes cut into Frames, Frames put in order."""
