# SPDX-License-Identifier: Apache-2.0
"""Data Element headers laid down by hand, and a scan over them."""

import struct
from typing import Any

PIXEL_DATA = 0x7FE00010
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)

LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV", "QQ")
ENCODINGS = [(False, False), (True, False), (False, True)]  # implicit_vr, big_endian


def header(tag: tuple[int, int], nbytes: int, vr: str = "", order: str = "<") -> bytes:
    if not vr:
        return struct.pack(order + "HHI", *tag, nbytes)
    if vr in LONG:
        return struct.pack(order + "HH2sHI", *tag, vr.encode(), 0, nbytes)
    return struct.pack(order + "HH2sH", *tag, vr.encode(), nbytes)


def scan_of(core: Any, nbytes: int, start: int = 0, **options: Any) -> Any:
    options = {"implicit_vr": False, "big_endian": False, "wanted": set(), "descend": False} | options
    return core.ElementScan(start=start, stop=start + nbytes, **options)


def scanned(core: Any, data: bytes, start: int = 0, window_nbytes: int = 0, **options: Any) -> Any:
    """Scan `data`, which lies at position `start` of its file, all of it or in windows of that many bytes."""
    scan = scan_of(core, len(data), start, **options)
    while scan.status == "more":
        resume = scan.resume
        at = resume - start
        scan.feed(data[at : at + (window_nbytes or len(data))], resume)
        assert scan.status != "more" or scan.resume > resume, "no way to get any further"
    return scan
