# SPDX-License-Identifier: Apache-2.0
"""DIMSE: instances sent to any peer, and received from any peer, over pynetdicom (extra ``dimse``)."""
