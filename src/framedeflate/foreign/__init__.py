# SPDX-License-Identifier: Apache-2.0
"""Images in other compressed Transfer Syntaxes, decoded to native Frames."""
