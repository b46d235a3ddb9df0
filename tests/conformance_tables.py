# SPDX-License-Identifier: Apache-2.0
"""The tables of the DICOM Conformance Statement that are the code's own values.

Each stands on a page of docs/ below a line `<!-- table: NAME -->`. This module run as a program writes them anew.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from conformance_names import DOCS, SEG, Names, installed_names, made_with, place_of, stored_as_made
from departures import OURS, Row, as_instance
from framedeflate.cli.parsers import receive as receive_parser
from framedeflate.cli.parsers import send as send_parser
from framedeflate.cli.parsers import serve as serve_parser
from framedeflate.dimse import acceptance, commitment, contexts, retries
from framedeflate.foreign import frames as foreign
from framedeflate.instance_store import InstanceStore
from framedeflate.transfer_syntax import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    NATIVE,
    RLE_LOSSLESS,
)
from framedeflate.web.index import Index
from framedeflate.web.ingest import Ingest
from framedeflate.web.ingest.failure_reasons import FAILURE_REASONS, failure_name
from framedeflate.web.ingest.ingest import INGEST_ERRORS
from framedeflate.web.representations import StoredInstance, Target, category_of, representations
from framedeflate.web.search import results
from framedeflate.web.search.attributes import LEVEL_TAGS, Level
from framedeflate.web.server.capabilities_document import RESOURCES, Resource

Cells = Sequence[object]


def table(heads: Cells, rows: Iterable[Cells]) -> list[str]:
    """Return the lines of a table."""
    lines = [[str(cell) for cell in row] for row in (heads, ["---"] * len(heads), *rows)]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


# Transfer Syntaxes and SOP Classes.

_DECODED_HERE = NATIVE | {
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    ENCAPSULATED_UNCOMPRESSED,
    RLE_LOSSLESS,
}
_DECODED_BY_EXTRAS = (
    foreign._JPEG_DCT | foreign._JPEG_LOSSLESS | foreign._JPEG_LS | foreign._JPEG_2000 | foreign._HTJ2K
)
WRITTEN_BY = {
    DEFLATED_IMAGE_FRAME_COMPRESSION: "`compress`",
    EXPLICIT_VR_LITTLE_ENDIAN: "`decompress`",
    IMPLICIT_VR_LITTLE_ENDIAN: "`decompress --implicit-vr`",
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: "`compress --dataset`",
}


class _Queued:
    """An image of a Transfer Syntax that waits to be sent."""

    sop_class_uid = SEG
    has_pixel_data = True
    native_nbytes = 1000

    def __init__(self, uid: str) -> None:
        self.transfer_syntax_uid = uid


def _of_syntax(uid: str) -> tuple[str, ...]:
    return (
        _sent(uid),
        _web_instance(uid),
        _web_frames(uid),
        "yes" if uid in _DECODED_HERE else "codecs" if uid in _DECODED_BY_EXTRAS else "",
        WRITTEN_BY.get(uid, ""),
    )


def _name(uid: str, names: Names) -> str:
    return names.of[uid] + (", retired" if uid == EXPLICIT_VR_BIG_ENDIAN else "")


def transfer_syntaxes(names: Names) -> list[str]:
    """Return each Transfer Syntax."""
    return table(
        ["Transfer Syntax", "UID", "SCP", "SCU", "web: instances", "web: Frames", "read", "written by"],
        [[_name(uid, names), uid, number, *_of_syntax(uid)] for number, uid in enumerate(names.syntaxes, 1)],
    )


def transfer_syntax_sets(names: Names) -> list[str]:
    """Return the Transfer Syntaxes, those that are treated alike in one row."""
    sets: dict[tuple[str, ...], list[tuple[int, str]]] = {}
    for number, uid in enumerate(names.syntaxes, 1):
        sets.setdefault(_of_syntax(uid), []).append((number, _short_name(uid, names)))
    return table(
        ["Transfer Syntaxes", "SCP", "SCU", "web: instances", "web: Frames", "read", "written by"],
        [
            [
                "; ".join(dict.fromkeys(name for _, name in members)),
                _ranges([n for n, _ in members]),
                *treated,
            ]
            for treated, members in sets.items()
        ],
    )


def _short_name(uid: str, names: Names) -> str:
    name = _name(uid, names).removeprefix("Fragmentable ")
    for long in (" Image Compression", ", Non-Hierarchical", ", First-Order Prediction"):
        name = name.replace(long, "")
    return re.sub(r"^(MPEG2|MPEG-4|HEVC)\b.*", r"\1", name).replace("High-Throughput JPEG 2000", "HTJ2K")


def _ranges(numbers: list[int]) -> str:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _sent(uid: str) -> str:
    offered = contexts.transfer_syntaxes(_Queued(uid))
    own = uid in offered
    if len(offered) == 1:
        return "as it is"
    return "as it is, converted" if own else "converted"


def _stored(uid: str) -> StoredInstance:
    decodable = uid in _DECODED_BY_EXTRAS | {RLE_LOSSLESS}
    return StoredInstance(
        category_of(uid, 3), uid, frame_nbits=1 << 18, number_of_frames=3, decodable=decodable
    )


def _web_instance(uid: str) -> str:
    found = representations(Target.INSTANCE, _stored(uid), rendered=(), metadata_xml=False)
    uids = {one.transfer_syntax_uid for one in found if one.media_type == "application/dicom"}
    names = ["as stored"] if uid in uids else []
    return ", ".join(names + (["Explicit VR"] if EXPLICIT_VR_LITTLE_ENDIAN in uids - {uid} else []))


def _web_frames(uid: str) -> str:
    found = representations(Target.PIXEL_DATA, _stored(uid), rendered=(), metadata_xml=False)
    return ", ".join(dict.fromkeys(one.media_type.removeprefix("application/") for one in found))


def sop_classes(names: Names) -> list[str]:
    """Return every storage SOP Class that is known by name, in the order of their UIDs."""
    return table(
        ["SOP Class UID", "SOP Class", "where the SCP chooses"],
        [
            [
                uid,
                names.of[uid],
                "deflated" if acceptance._has_pixel_data(uid, names.of[uid]) else "Explicit VR",
            ]
            for uid in names.storage
        ],
    )


# DIMSE.


def statuses_of_peers() -> list[str]:
    """Return what the sender makes of each status."""
    probes = {
        "0000": 0x0000,
        "B000, B006, B007": 0xB000,
        "A7xx": 0xA700,
        "A9xx": 0xA900,
        "Cxxx": 0xC000,
        "0110": 0x0110,
        "0111": 0x0111,
        "0122": 0x0122,
        "0124": 0x0124,
        "others": 0x0999,
    }
    rows = []
    for shown, status in probes.items():
        if retries.is_stored(status):
            rows.append([shown, "`stored`", "", "the warning is in the report" if status else ""])
            continue
        failure = retries.failure_of_status(status)
        again = "again, `--retries` times" if retries.is_worth_retrying(status) else "not again"
        rows.append([shown, "`failed`", again, f"`{failure.kind}`"])
    return table(["status", "the report says", "sent again", "`error.kind`"], rows)


def commitment_answers() -> list[str]:
    """Return the statuses of N-ACTION responses."""
    rows = [
        (0x0000, "Success", "it will be looked into, and reported"),
        (commitment._DUPLICATE_INVOCATION, "Duplicate invocation", "that Transaction UID is being worked on"),
        (
            commitment._RESOURCE_LIMITATION,
            "Resource limitation",
            f"{commitment._MAX_WAITING} requests wait already",
        ),
        (
            commitment._INVALID_ARGUMENT,
            "Invalid argument value",
            "it cannot be read, or is for too many instances",
        ),
        (commitment._INVALID_INSTANCE, "Invalid object instance", "not the well-known SOP Instance"),
        (commitment._NO_SUCH_ACTION, "No such action", "Action Type ID is not 1"),
    ]
    return table(["status", "meaning (PS3.7 C)", "when"], [(f"{code:04X}", *rest) for code, *rest in rows])


# Configuration.


def _parameters(parser: argparse.ArgumentParser) -> list[str]:
    rows = []
    for action in parser._actions:
        if action.dest in {"help", "json"} or not action.option_strings:
            continue
        meaning = re.sub(r" \(default: (%\(default\)s|[0-9]+).*?\)", "", action.help or "")
        default = action.default
        shown = "off" if default is False else "" if default is None or default == [] else f"`{default}`"
        rows.append([f"`{action.option_strings[-1]}`", meaning, shown])
    return table(["parameter", "what it is", "default"], rows)


# Web.


_SHORT = (
    ("/studies/{study}/series/{series}/instances/{instance}", "INSTANCE"),
    ("/studies/{study}/series/{series}", "SERIES"),
    ("/studies/{study}", "STUDY"),
)


def _short_path(path: str) -> str:
    for long, short in _SHORT:
        if path.startswith(long):
            return short + path.removeprefix(long)
    return path


def _media(name: str) -> str:
    within = re.fullmatch('multipart/related; type="(.+)"', name)
    return f"parts of `{within[1]}`" if within else f"`{name}`"


def _resources(resources: Iterable[Resource], above: str = "") -> Iterator[tuple[str, str, str, str]]:
    for resource in resources:
        path = f"{above}/{resource.path}"
        for method in resource.methods:
            media = ", ".join(map(_media, method.takes or method.answers))
            yield method.name, f"`{_short_path(path)}`", media, ", ".join(method.parameters)
        yield from _resources(resource.below, path)


def web_resources() -> list[str]:
    """Return all that the server can answer, with the media types of answers, or of what is stored."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for name, path, media, parameters in _resources(RESOURCES):
        alike.setdefault((name, media, parameters), []).append(path)
    return table(
        ["method", "resource", "media types", "query parameters"],
        [[name, "<br>".join(paths), media, more] for (name, media, more), paths in alike.items()],
    )


def search_attributes(names: Names) -> list[str]:
    """Return which attributes are matched, and when they are returned."""
    rows = []
    for level in Level:
        for tag in sorted(LEVEL_TAGS[level]):
            key = f"{tag:08X}"
            always = key in results._REQUIRED[level] or key in {"0020000D", "0020000E", "00080018"}
            known = key in results._IF_KNOWN[level]
            returned = "always" if always else "where the file has it" if known else "`includefield`"
            shown = f"({key[:4]},{key[4:]})"
            rows.append([level.name.title(), names.of[shown], shown, names.keywords[shown], returned])
    return table(["level", "attribute", "tag", "keyword", "returned"], rows)


# What departs from the standard.


def departures() -> list[str]:
    """Return what becomes of each file that departs from the standard, by each way in."""
    rows = [row for row in OURS if row["class"] != "legal"]
    with tempfile.TemporaryDirectory() as folder:
        store_folder = Path(folder) / "store"
        with (
            InstanceStore(store_folder, min_free_nbytes=1 << 20) as store,
            Index.open(f"sqlite:///{folder}/index.sqlite") as index,
        ):
            ingest = Ingest(store, index)
            return table(
                ["what departs", "read", "`--lenient`", "C-STORE SCP", "STOW-RS", "`verify` says"],
                [
                    [
                        f"{Path(row['file']).stem[2:]}: {row['note']}",
                        _read(row["read"]),
                        "" if row["lenient"] == row["read"] else _read(row["lenient"]),
                        _put(store, row),
                        _put(ingest, row),
                        ", ".join(f"`{kind}`" for kind in row["verify"].removeprefix("!").split()),
                    ]
                    for row in rows
                ],
            )


def _read(outcome: str) -> str:
    return "yes" if outcome == "decode" else f"`{outcome.partition(':')[2] or 'transfer-syntax'}`"


def _put(target: InstanceStore | Ingest, row: Row) -> str:
    data, _ = as_instance(row)
    try:
        with target.arrival() as arrival:
            arrival.write(data)
            target.put(arrival)
    except INGEST_ERRORS as error:
        name = failure_name(error)
        if isinstance(target, InstanceStore) and name == "transfer-syntax":
            return "C003"
        return f"{FAILURE_REASONS[name].code:04X}"
    return "stored"


TABLES: dict[str, tuple[str, Callable[[Names], list[str]]]] = {
    "transfer-syntax-sets": ("conformance.md", transfer_syntax_sets),
    "transfer-syntaxes": ("conformance-tables.md", transfer_syntaxes),
    "statuses-of-peers": ("conformance.md", lambda _: statuses_of_peers()),
    "commitment-answers": ("conformance.md", lambda _: commitment_answers()),
    "send-parameters": ("conformance-tables.md", lambda _: _parameters(send_parser.COMMAND.parser())),
    "receive-parameters": ("conformance-tables.md", lambda _: _parameters(receive_parser.COMMAND.parser())),
    "serve-parameters": ("conformance-tables.md", lambda _: _parameters(serve_parser.COMMAND.parser())),
    "web-resources": ("conformance.md", lambda _: web_resources()),
    "departures": ("conformance-tables.md", lambda _: departures()),
    "search-attributes": ("conformance-tables.md", search_attributes),
    "sop-classes": ("conformance-tables.md", sop_classes),
}
"""By name: the page it stands on, and what makes it."""


def main() -> int:
    """Write all tables anew."""
    names = installed_names()
    for name, (file, make) in TABLES.items():
        path = DOCS / file
        page = path.read_text(encoding="utf-8")
        place = place_of(page, name)
        lines = "\n".join(make(names))
        lines = lines if page[place] else f"\n{lines}\n"
        page = page[: place.start] + lines + page[place.stop :]
        path.write_text(page.replace(stored_as_made(page), made_with()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
