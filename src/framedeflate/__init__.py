# SPDX-License-Identifier: Apache-2.0
"""DICOM Deflated Image Frame Compression (Transfer Syntax 1.2.840.10008.1.2.8.1)."""
