# SPDX-License-Identifier: Apache-2.0
"""The longest hostile files."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from child import SETUP, run_child
from framedeflate import engine
from made_files import (
    DEFLATED_FRAMES,
    IMPLICIT,
    PIXEL_DATA,
    SEQUENCE_END,
    encapsulated,
    file_meta,
    head,
    item,
    write_sparse,
)

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(engine.name == "reference", reason="it walks headers a hundred times slower"),
]

MIB = 1 << 20
FRAGMENT = b"\1\x10\0\xef\xff" + bytes(16) + b"\0"
"""A stored block of 16 bytes, padded."""

VERBS = {
    "read": "FrameReader.open(arguments[0])[0]",
    "verify": "verify_file(arguments[0])",
    "compress": "compress_file(*arguments)",
    "decompress": "decompress_file(*arguments)",
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("name", "bound_nbytes"),
    [
        ("200 MiB of empty elements", 32 * MIB),
        ("200 MiB of empty Items", 600 * MIB),
        ("120 MiB of headers in Implicit VR", 720 * MIB),
        ("a Basic Offset Table of 4 GiB", 16 * MIB),
    ],
)
def test_long_hostile_files(
    room: Path, say: Callable[[str], None], name: str, bound_nbytes: int, verb: str
) -> None:
    path = room / "hostile.dcm"
    meta, good = file_meta(DEFLATED_FRAMES), encapsulated([FRAGMENT])
    if name == "200 MiB of empty elements":
        write_sparse(path, meta + head(), 200 * MIB, good)
    elif name == "200 MiB of empty Items":
        count = 200 * MIB // 8 - 1
        path.write_bytes(meta + head(frames=count) + PIXEL_DATA + item(b"") * (count + 1) + SEQUENCE_END)
    elif name == "120 MiB of headers in Implicit VR":
        pixel_data = struct.pack("<HHI", 0x7FE0, 0x0010, 16)
        start = file_meta(IMPLICIT) + head(implicit=True)
        element = struct.pack("<HHI", 0x0009, 0x1001, 0)
        path.write_bytes(start + element * (120 * MIB // 8) + pixel_data + bytes(16))
    else:
        start = meta + head() + PIXEL_DATA + item(b"", 0xFFFFFFF0)
        write_sparse(path, start, 0xFFFFFFF0, good[len(PIXEL_DATA) + 8 :])
    report = run_child(VERBS[verb], path, room / "out.dcm", setup="import pydicom\n" + SETUP)
    say(
        f"bounds: {verb}: {name}: {report.peak_nbytes / MIB:.1f} MiB, {report.seconds:.1f} s, "
        f"{report.kind or report.error or 'done'}"
    )
    assert report.peak_nbytes < bound_nbytes
