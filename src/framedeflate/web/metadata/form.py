# SPDX-License-Identifier: Apache-2.0
"""What a walk through a Data Set asks of a text format."""

from typing import Any, Protocol

__all__ = ["Form"]


class Form(Protocol):
    """Writes attributes, sequences and Items as bytes of UTF-8."""

    data_set_start: bytes
    data_set_end: bytes
    between_attributes: bytes
    between_items: bytes
    sequence_end: bytes
    item_end: bytes

    def attribute(self, tag: int, creator: str, model: dict[str, Any]) -> bytes:
        """Return an attribute that holds no Items, given as an object of the DICOM JSON Model.

        Parameters
        ----------
        tag : int
            group << 16 | element.
        creator : str
            Private Creator of a private attribute, else empty.
        model : dict
            ``vr`` and at most one of ``Value``, ``InlineBinary``, ``BulkDataURI``.
        """

    def sequence_start(self, tag: int, creator: str) -> bytes:
        """Return what stands before the first Item."""

    def item_start(self, number: int) -> bytes:
        """Return what stands before the attributes of an Item; Items count from 1."""
