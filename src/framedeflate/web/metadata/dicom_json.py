# SPDX-License-Identifier: Apache-2.0
"""DICOM JSON (PS3.18 Annex F) of a stored Data Set."""

import json
from collections.abc import Collection, Iterator
from typing import Any, Final

from framedeflate.web.metadata.find_value import find_item
from framedeflate.web.metadata.opened_data_set import OpenedDataSet
from framedeflate.web.metadata.walk import BulkdataUri, walk

__all__ = ["attributes_of", "dump_json", "item_attributes", "write_json"]

# NaN and Infinity are no JSON: they never come here, and would be an error if they did.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def dump_json(model: Any) -> bytes:
    """Return a JSON text in UTF-8, without blanks."""
    return _ENCODER.encode(model).encode("utf-8", "replace")


def write_json(opened: OpenedDataSet, *, bulkdata_uri: BulkdataUri) -> Iterator[bytes]:
    """Yield a Data Set as one object of the DICOM JSON Model.

    Pixel Data, binary values of more than 1 KiB and others of more than 64 KiB are given as BulkDataURI.

    Parameters
    ----------
    opened : OpenedDataSet
    bulkdata_uri : callable
        Makes a URI from the path of a value.

    Raises
    ------
    DicomFormatError
        As `walk`; then what was yielded is no whole JSON text.
    """
    return walk(opened, _JsonForm(), bulkdata_uri)


def attributes_of(opened: OpenedDataSet, tags: Collection[int]) -> dict[str, Any]:
    """Return some top-level attributes as an object of the DICOM JSON Model, those that are there.

    Values that would be given by URI have their path for it. Errors as `write_json`.
    """
    text = b"".join(walk(opened, _JsonForm(), str, wanted=frozenset(tags)))
    model: dict[str, Any] = json.loads(text)
    return model


def item_attributes(opened: OpenedDataSet, tag: int, number: int) -> dict[str, Any]:
    """Return an Item of a top-level sequence, by its number from 1, as `attributes_of`; empty where there is none."""
    item = find_item(opened, tag, number)
    if item is None:
        return {}
    model: dict[str, Any] = json.loads(b"".join(walk(opened, _JsonForm(), str, item=item)))
    return model


class _JsonForm:
    data_set_start = b"{"
    data_set_end = b"}"
    between_attributes = b","
    between_items = b","
    sequence_end = b"]}"
    item_end = b"}"

    def attribute(self, tag: int, creator: str, model: dict[str, Any]) -> bytes:  # noqa: ARG002
        return b'"%08X":%b' % (tag, dump_json(model))

    def sequence_start(self, tag: int, creator: str) -> bytes:  # noqa: ARG002
        return b'"%08X":{"vr":"SQ","Value":[' % tag

    def item_start(self, number: int) -> bytes:  # noqa: ARG002
        return b"{"
