# SPDX-License-Identifier: Apache-2.0
"""Small files that conform, that depart from the standard, and that are broken, each as an instance to be stored."""

import csv
from pathlib import Path

FOLDER = Path(__file__).parent / "vectors"
Row = dict[str, str]

with (FOLDER / "vectors.tsv").open(newline="", encoding="utf-8") as _table:
    OURS: list[Row] = list(csv.DictReader(_table, delimiter="\t"))

_UID = b"2.25.1234567890"


def as_instance(row: Row) -> tuple[bytes, str]:
    """Return a vector with Study and Series Instance UID, and a SOP Instance UID of its own."""
    data = (FOLDER / row["file"]).read_bytes()
    uid = b"2.25.1234567%03d" % OURS.index(row)
    data = data.replace(_UID, uid)
    # Behind the File Meta Information; only Files that are none have no group length.
    start = 144 + int.from_bytes(data[140:144], "little")
    tag = b"\x08\x00\x18\x00"
    is_explicit = tag + b"UI" in data[start:]
    at = data.find(tag + b"UI" if is_explicit else tag, start)
    if at < 0:
        return data, uid.decode()
    length = slice(at + 6, at + 8) if is_explicit else slice(at + 4, at + 8)
    stop = at + 8 + int.from_bytes(data[length], "little")
    own = data[at + 8 : stop].rstrip(b"\0").decode("ascii")
    return data[:stop] + _uids(is_explicit) + data[stop:], own


def _uids(is_explicit: bool) -> bytes:
    made = b""
    for element, value in ((0x0D, b"1.2\0"), (0x0E, b"1.2.3\0")):
        length = b"UI" + len(value).to_bytes(2, "little") if is_explicit else len(value).to_bytes(4, "little")
        made += b"\x20\x00" + bytes([element, 0]) + length + value
    return made
