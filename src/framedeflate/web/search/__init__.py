# SPDX-License-Identifier: Apache-2.0
"""The Search Transaction (PS3.18 10.6, QIDO-RS) without a database: what a query says, how its results look."""
