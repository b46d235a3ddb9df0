# SPDX-License-Identifier: Apache-2.0
"""Data Sets as DICOM JSON (PS3.18 F) and Native DICOM Model (PS3.19 A), written as their files are walked through."""
