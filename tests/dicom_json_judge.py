# SPDX-License-Identifier: Apache-2.0
"""What pydicom says a Data Set is in DICOM JSON, and both sides brought to one spelling."""

import json
import warnings
from pathlib import Path
from typing import Any

import pydicom

BULK_DATA_THRESHOLD = 1024 // 3 * 4 + 4  # pydicom counts in Base64, and gives 1 KiB whole
PIXEL_DATA = {"7FE00008", "7FE00009", "7FE00010"}

Model = dict[str, Any]


def pydicom_json(path: Path) -> Model:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set = pydicom.dcmread(path, force=True)
        text = json.dumps(data_set.to_json_dict(BULK_DATA_THRESHOLD, lambda _element: "uri"))
    model: Model = json.loads(text)
    return model


def in_one_spelling(model: Model) -> Model:
    """Leave out what the standard leaves open: how a number is written, an empty array, padding, the URI."""
    return {
        tag: _attribute(tag, attribute)
        for tag, attribute in model.items()
        if int(tag[4:], 16) and tag[:4] != "0002"
    }


def _attribute(tag: str, attribute: Model) -> Model:
    vr = attribute["vr"]
    if "BulkDataURI" in attribute or (tag in PIXEL_DATA and "InlineBinary" in attribute):
        return {"vr": vr, "bulk": True}
    if "InlineBinary" in attribute:
        return attribute
    if tag == "00080005":
        return {"vr": vr, "Value": ["ISO_IR 192"]}
    values = [_value(vr, value) for value in attribute.get("Value", [])]
    return {"vr": vr} if values in ([], [None]) else {"vr": vr, "Value": values}


def _value(vr: str, value: Any) -> Any:
    match vr:
        case "SQ":
            return in_one_spelling(value)
        case "PN":
            return {name: text for name, text in (value or {}).items() if text} or None
        case "DS" if isinstance(value, int | float):
            return float(value)
        case "SV" | "UV":
            return int(value)
    return value.rstrip(" \0") or None if isinstance(value, str) else value
