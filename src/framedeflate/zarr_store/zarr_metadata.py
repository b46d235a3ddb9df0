# SPDX-License-Identifier: Apache-2.0
"""Zarr v3 metadata documents, and small arrays that lie inside the references themselves."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["array_document", "dumps", "group_document", "inline", "inline_document"]

Document = dict[str, Any]


def array_document(
    *,
    shape: Sequence[int],
    chunk_shape: Sequence[int],
    data_type: str,
    codecs: Sequence[Mapping[str, Any]],
    dimension_names: Sequence[str],
    fill_value: object,
    attributes: Mapping[str, Any],
) -> Document:
    """Return the ``zarr.json`` of an array; its chunks' keys are ``c/0/0/0``."""
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": data_type,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk_shape)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill_value,
        "codecs": list(codecs),
        "dimension_names": list(dimension_names),
        "attributes": dict(attributes),
    }


def inline_document(array: NDArray[Any], dimension_names: Sequence[str]) -> Document:
    """Return the ``zarr.json`` of an array that `inline` makes a single chunk of."""
    return array_document(
        shape=array.shape,
        chunk_shape=array.shape,
        data_type=array.dtype.name,
        codecs=[
            {"name": "bytes", "configuration": {"endian": "little"}},
            {"name": "gzip", "configuration": {"level": 6}},
        ],
        dimension_names=dimension_names,
        fill_value="NaN" if array.dtype.kind == "f" else 0,
        attributes={},
    )


def inline(array: NDArray[Any]) -> str:
    """Return an array's bytes as references hold them."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    # mtime: the same file gives the same references.
    return "base64:" + base64.b64encode(gzip.compress(little.tobytes(), 6, mtime=0)).decode("ascii")


def group_document(arrays: Mapping[str, Document], attributes: Mapping[str, Any]) -> Document:
    """Return the ``zarr.json`` of a group, those of its arrays with it: one request instead of one each."""
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": dict(attributes),
        "consolidated_metadata": {
            "kind": "inline",
            "must_understand": False,
            "metadata": dict(arrays),
        },
    }


def dumps(document: Document) -> str:
    """Return a document as references hold it."""
    return json.dumps(document, separators=(",", ":"))
