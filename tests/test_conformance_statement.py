# SPDX-License-Identifier: Apache-2.0
"""The DICOM Conformance Statement says what the code does: its tables, figures and clauses; a test for each claim."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import UID

pytest.importorskip("pynetdicom")
pytest.importorskip("starlette")
pytest.importorskip("sqlalchemy")

import framedeflate
from conformance_names import (
    DOCS,
    accepted_syntaxes,
    installed_names,
    made_with,
    names_of_page,
    place_of,
    stored_as_made,
)
from conformance_tables import TABLES
from framedeflate import transfer_syntax
from framedeflate.cli.exit_codes import ExitCode
from framedeflate.cli.parsers import receive, send, serve
from framedeflate.dimse import acceptance, commitment_content, commitment_report, commitment_request, contexts
from framedeflate.dimse import requestor as dimse_requestor
from framedeflate.dimse.peer_association import new_entity
from framedeflate.dimse.received import ReceiverLimits
from framedeflate.transcode.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from framedeflate.web.conformance.suite import all_checks
from framedeflate.web.ingest import image_streams
from framedeflate.web.ingest.failure_reasons import status_without_success
from framedeflate.web.ingest.picture_frames import PICTURE_TYPES
from framedeflate.web.server.capabilities_document import RESOURCES
from framedeflate.web.server.settings import SERVICE_ROOT

ROOT = DOCS.parent
PAGES = ("conformance.md", "conformance-tables.md")
TEXT = {page: (DOCS / page).read_text(encoding="utf-8") for page in PAGES}
STATEMENT, TABLE_PAGE = (TEXT[page] for page in PAGES)
LINKS = sorted(set(re.findall(r"\[(test_\w+)\]\(\.\./(tests/\w+\.py)\)", "".join(TEXT.values()))))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_the_code_s(name: str) -> None:
    page, make = TABLES[name]
    # With another pydicom or pynetdicom than the page's, new classes and names are no fault of the page's.
    as_made = stored_as_made(TABLE_PAGE) == made_with()
    expected = make(installed_names() if as_made else names_of_page(TABLE_PAGE))
    assert len(expected) > 4
    assert stored_table(page, name) == expected, "python tests/conformance_tables.py writes the tables anew"


OF_DICTIONARIES = ["search-attributes", "sop-classes", "transfer-syntax-sets", "transfer-syntaxes"]


@pytest.mark.parametrize("name", OF_DICTIONARIES)
def test_other_dictionaries_are_no_fault_of_a_page(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    page, make = TABLES[name]
    newer = [*acceptance._REST[:3], "1.2.840.10008.1.2.4.999", *acceptance._REST[4:]]
    monkeypatch.setattr(acceptance, "_REST", newer)
    monkeypatch.setattr(acceptance, "_OTHERS", (*acceptance._OTHERS[: -len(newer)], *newer))
    monkeypatch.setattr(acceptance, "_KNOWN_STORAGE", frozenset(sorted(acceptance._KNOWN_STORAGE)[1:]))
    monkeypatch.setattr(UID, "name", "Another Name")
    assert make(names_of_page(TABLE_PAGE)) == stored_table(page, name)


def test_what_the_code_does_is_compared_with_any_dictionaries(monkeypatch: pytest.MonkeyPatch) -> None:
    page, names = TABLE_PAGE, names_of_page(TABLE_PAGE)
    for listed, known in ((names.syntaxes, accepted_syntaxes()), (names.storage, acceptance._KNOWN_STORAGE)):
        assert len(set(listed) & set(known)) > 0.9 * len(listed)
    monkeypatch.setattr(acceptance, "_OTHERS", acceptance._OTHERS[::-1])
    monkeypatch.setattr(acceptance, "_PIXEL_DATA", frozenset())
    for name in OF_DICTIONARIES[1:]:
        assert TABLES[name][1](names_of_page(page)) != stored_table(TABLES[name][0], name)


def stored_table(page: str, name: str) -> list[str]:
    return TEXT[page][place_of(TEXT[page], name)].split("\n")


def test_every_test_that_is_named_exists() -> None:
    assert len(LINKS) > 100
    functions = {
        file: {
            node.name
            for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        for file in {file for _, file in LINKS}
    }
    assert [(name, file) for name, file in LINKS if name not in functions[file]] == []
    # No link to a test is written in another way, which would not be looked at.
    assert sum(page.count("(../tests/") for page in TEXT.values()) == len(
        re.findall(r"\[test_\w+\]\(\.\./tests/\w+\.py\)", "".join(TEXT.values()))
    )


def rows_of(page: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the heads and the cells of each row of each table."""
    heads: list[str] = []
    for line in [*page.split("\n"), ""]:
        if not line.startswith("| ") and not line.startswith("|-"):
            heads = []
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not heads:
            heads = cells
        elif not re.fullmatch(r"[|\- ]+", line):
            assert len(cells) == len(heads), line
            yield heads, cells


def test_every_claim_is_shown_by_a_test() -> None:
    rows = [(heads, cells) for page in TEXT.values() for heads, cells in rows_of(page)]
    shown = [cells for heads, cells in rows if heads[-1] == "shown by"]
    assert len(shown) > 70
    assert [cells[0] for cells in shown if "](../tests/" not in cells[-1]] == []


CLAUSE = re.compile(
    r"PS3\.(?:[1-9]|1[0-9]|2[0-2])(?: (?:(?:Annex|Table) )?"
    r"(?:[A-Z]{1,2}(?:\.[0-9]+)*|[0-9]+(?:\.[0-9]+)*)(?:-[0-9]+[a-z]?)?)?(?![\w.]*\w)"
)


def test_every_clause_looks_like_one() -> None:
    text = "".join(TEXT.values())
    found = [text[at.start() : at.start() + 40] for at in re.finditer(r"PS3\b", text)]
    known = [one for one in found if CLAUSE.match(one) or one.startswith("PS3 as of")]
    assert [one for one in found if one not in known] == []
    for heads, cells in rows_of(STATEMENT):
        if "clause" in heads:
            clause = cells[heads.index("clause")]
            assert clause == "none" or CLAUSE.fullmatch(clause), clause


def defaults(module: object) -> dict[str, object]:
    parser = module.COMMAND.parser()  # type: ignore[attr-defined]
    return {action.option_strings[-1]: action.default for action in parser._actions if action.option_strings}


LIMITS = ReceiverLimits()
FIGURES = [
    f"Implementation Class UID {IMPLEMENTATION_CLASS_UID}, Implementation Version Name {IMPLEMENTATION_VERSION_NAME}:",
    f"| longest PDU received | {new_entity('A', 1.0).maximum_pdu_size} | `--max-pdu`, {LIMITS.pdu_nbytes >> 10} KiB |",
    f"at most {dimse_requestor._MAX_PDV_NBYTES >> 10} KiB of data",
    f"`--max-associations`, {LIMITS.associations};",
    f"`--timeout`, {defaults(send)['--timeout']:.0f} s:",
    f"`--idle`, {LIMITS.idle_seconds:.0f} s: aborted; a PDU must end within {LIMITS.pdu_seconds:.0f} s",
    f"at most {contexts.MAX_CONTEXTS} contexts an association",
    f"one transaction for {commitment_request._MAX_REFERENCES:,}".replace(",", " ")
    + f" instances; as SCP for up to {commitment_content._MAX_INSTANCES:,}".replace(",", " "),
    f"| own AE title | `{defaults(send)['--calling-ae']}` | `{defaults(receive)['--ae-title']}` |",
    f"| called AE title | `{defaults(send)['--called-ae']}` |",
    f"| must be given | `{defaults(serve)['--port']}` |",
    f"| address | | `{defaults(receive)['--host']}` | `{defaults(serve)['--host']}` |",
    f"| instance, disk kept free | | `{defaults(receive)['--max-object']}`, `{defaults(receive)['--min-free']}` |"
    f" `{defaults(serve)['--max-object']}`, `{defaults(serve)['--min-free']}` |",
    f"`{defaults(receive)['--policy']}`: 1-bit images and label maps | `{defaults(serve)['--policy']}` |",
    f"The service root is `{SERVICE_ROOT}`",
    f"| Verification | {acceptance.VERIFICATION} | no | yes |",
    f"| Storage Commitment Push Model | {acceptance.STORAGE_COMMITMENT} | yes | yes |",
    f"root of their UIDs, {acceptance._STORAGE_ROOT.rstrip('.')}, and private",
    f"{len(all_checks())} checks of PS3.18",
]


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_is_the_code_s(figure: str) -> None:
    assert figure in STATEMENT


def test_the_command_and_the_library_have_the_same_limits() -> None:
    found = defaults(receive)
    assert found["--max-associations"] == LIMITS.associations
    assert found["--max-pdu"] == f"{LIMITS.pdu_nbytes >> 10}k"
    assert found["--idle"] == LIMITS.idle_seconds
    assert len(commitment_report._RETRY_SECONDS) + 1 == 4, "delivery is tried four times"


def test_the_contexts_are_the_code_s() -> None:
    (asked,) = acceptance.supported_contexts([acceptance.VERIFICATION])
    assert [str(uid) for uid in asked.transfer_syntax or ()] == [
        transfer_syntax.EXPLICIT_VR_LITTLE_ENDIAN,
        transfer_syntax.IMPLICIT_VR_LITTLE_ENDIAN,
        transfer_syntax.EXPLICIT_VR_BIG_ENDIAN,
    ]
    assert commitment_request._NATIVE == (
        transfer_syntax.EXPLICIT_VR_LITTLE_ENDIAN,
        transfer_syntax.IMPLICIT_VR_LITTLE_ENDIAN,
    )
    assert not acceptance._NOT_STORED & set(accepted_syntaxes())


def test_the_versions_are_the_code_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"`framedeflate` {project['version']}," in STATEMENT
    assert re.search(r"pydicom [0-9.]+ and pynetdicom [0-9.]+, ", TABLE_PAGE)


def statuses_in_code() -> set[int]:
    """Every HTTP status of an error that a call in the server's code names, and those of what succeeds."""
    found = {status_without_success(names) for names in ({"payload"}, {"too-large"}, {"memory"}, {"frame"})}
    for path in (Path(framedeflate.__file__).parent / "web").rglob("*.py"):
        if "conformance" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and type(node.value) is int and node.value in _HTTP:
                found.add(node.value)
    return found


_HTTP = {200, 202, 204, 206, 304, 409, 413, 431, 500, 503} | set(range(400, 429))


def test_the_table_of_http_statuses_is_the_code_s() -> None:
    start = STATEMENT.index("**HTTP, WEB.**")
    cells = [cells[0] for heads, cells in rows_of(STATEMENT[start:]) if heads == ["status", "when"]]
    named = {int(status) for cell in cells for status in cell.split(", ")}
    assert named == statuses_in_code()


def test_the_exit_codes_of_the_command_line_s_page_are_the_code_s() -> None:
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    cells = [cells[0] for heads, cells in rows_of(page) if heads == ["code", "meaning"]]
    assert sorted(int(code) for cell in cells for code in cell.split(", ")) == sorted(map(int, ExitCode))


def test_the_media_types_of_a_store_are_the_code_s() -> None:
    page = (DOCS / "dicomweb.md").read_text(encoding="utf-8")
    cells = [cells[0] for heads, cells in rows_of(page) if heads == ["media type of the parts", "becomes"]]
    named = {name for cell in cells for name in re.findall(r"`([a-z]+/[a-z0-9.+-]+)`", cell)}
    assert named == {"application/octet-stream", *image_streams._ROWS, *PICTURE_TYPES}
    takes = {name for resource in RESOURCES for method in resource.methods for name in method.takes}
    cells = [cells[0] for heads, cells in rows_of(page) if heads == ["Content-Type", "what"]]
    assert {cell.strip("`") for cell in cells} == takes
