# SPDX-License-Identifier: Apache-2.0
"""The viewer's files, as a browser gets them: ES modules, a style sheet, a page. See docs/viewer.md."""
