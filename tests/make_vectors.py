# SPDX-License-Identifier: Apache-2.0
"""Writes tests/vectors: small synthetic files, legal, grey (read and reported) and illegal, and what to expect of each.

Run it to add a vector: ``python tests/make_vectors.py``. A formula makes the pixels, Python's zlib the streams.
"""

import csv
from pathlib import Path

from vector import Vector
from vectors_grey import grey_attributes, grey_pads, grey_tables
from vectors_illegal import bad_attributes, bad_files, bad_items, bad_streams
from vectors_legal import legal

FOLDER = Path(__file__).parent / "vectors"
COLUMNS = ("file", "class", "read", "lenient", "compress", "decompress", "verify", "sha256_frames", "note")


def all_vectors() -> list[Vector]:
    """Every vector, in the table's order."""
    groups = (
        legal,
        grey_pads,
        grey_tables,
        grey_attributes,
        bad_streams,
        bad_items,
        bad_attributes,
        bad_files,
    )
    return [vector for group in groups for vector in group()]


def main() -> None:
    """Write the files and their table."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.dcm"):
        old.unlink()
    vectors = all_vectors()
    for vector in vectors:
        (FOLDER / f"{vector.name}.dcm").write_bytes(vector.file)
    with (FOLDER / "vectors.tsv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(vector.row for vector in vectors)


if __name__ == "__main__":
    main()
