# SPDX-License-Identifier: Apache-2.0
"""Searches against both kinds of index, held against a plain matcher, pydicom and dicomweb-client."""

from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from framedeflate.errors import SearchError
from framedeflate.web.index import Index, describe_instance
from framedeflate.web.search.attributes import Level
from framedeflate.web.search.query import parse_query
from searched_studies import DATES, MODALITIES, NAMES, TIMES, expected, save_all


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("searched")
    url = f"sqlite:///{folder / 'index.sqlite'}"
    if request.param == "postgresql":
        from database_servers import new_database

        url = new_database(request.getfixturevalue("postgresql_server"))
    with Index.open(url) as opened:
        opened.add([describe_instance(path) for path in save_all(folder)])
        yield opened


def found(index: Index, level: Level, query: dict[str, str]) -> set[str]:
    parsed = parse_query(level, urlencode(query, quote_via=quote))
    page = index.search(parsed)
    uids = [
        (one.study_instance_uid, one.series_instance_uid, one.sop_instance_uid)[level - 1]
        for one in page.matches
    ]
    assert page.total == len(uids) == len(set(uids))
    return {str(uid) for uid in uids}


def cut(values: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Values, and parts of them with wild cards, in other cases."""
    wild = st.lists(st.sampled_from(["*", "?", "A", "1", "^", "[", "]", "%", "_", "=", "o"]), max_size=4)
    part = st.tuples(st.sampled_from(values), st.integers(0, 8), st.integers(0, 8), wild, wild).map(
        lambda one: "".join(one[3]) + one[0][one[1] : len(one[0]) - one[2]] + "".join(one[4])
    )
    cased = part.flatmap(lambda text: st.sampled_from([text, text.upper(), text.lower(), f"*{text}*"]))
    return st.sampled_from(values) | cased.filter(lambda text: text.count("=") <= 2)


def ranges(values: tuple[str, ...]) -> st.SearchStrategy[str]:
    value = st.sampled_from([one for one in values if one])
    return value | st.tuples(value, value).map("-".join) | value.map("-{}".format) | value.map("{}-".format)


NUMBERS = st.sampled_from(["1", "2", "01", "3.0", "70.5", "+70.50"])
KEYS: dict[Level, dict[str, st.SearchStrategy[str]]] = {
    Level.STUDY: {
        "PatientName": cut(NAMES),
        "OtherPatientNames": cut(("Alpha^A", "Beta^B")),
        "PatientID": cut(("A[1]*", "A1", "B_1", "B%1")),
        "StudyDate": ranges(DATES),
        "AccessionNumber": cut(("ACC 0", "ACC 3")),
        "PatientComments": cut(("x" * 70 + "1", "x" * 64)),
        "StudyInstanceUID": st.sampled_from(["1.2.1", "1.2.1,1.2.4", "1.2.1\\1.2.9", "1.2.*"]),
        "ModalitiesInStudy": cut(MODALITIES),
        "PatientWeight": NUMBERS,
    },
    Level.SERIES: {
        "Modality": cut(MODALITIES),
        "SeriesNumber": NUMBERS,
        "SeriesDescription": cut(("T1 axial", "T2 [sag]")),
        "RequestAttributesSequence.ScheduledProcedureStepID": cut(("S1", "S2", "S3")),
        "RequestAttributesSequence.RequestedProcedureID": cut(("R0", "R1", "R2")),
        "RequestAttributesSequence.ScheduledProtocolCodeSequence.CodeValue": cut(("CS1", "CS2")),
        "SeriesInstanceUID": st.sampled_from(["1.3.1.0", "1.3.1.0,1.3.2.1"]),
    },
    Level.INSTANCE: {
        "InstanceNumber": NUMBERS,
        "ImageType": cut(("DERIVED", "TYPE1")),
        "SOPInstanceUID": st.sampled_from(["1.4.1", "1.4.2,1.4.3"]),
    },
}


@st.composite
def searches(draw: st.DrawFn) -> tuple[Level, dict[str, str]]:
    level = draw(st.sampled_from(Level))
    names = sorted(name for at in Level if at <= level for name in KEYS[at])
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    strategies = {name: strategy for at in Level for name, strategy in KEYS[at].items()}
    query = {name: draw(strategies[name]) for name in chosen}
    if draw(st.booleans()):
        query["StudyTime"] = draw(
            ranges(TIMES).filter(lambda text: "StudyDate" not in chosen or "-" not in text)
        )
    return level, query


# One index for all: none of them changes it. Searches are as small as they fail.
_PHASES = (Phase.explicit, Phase.generate)
_QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(suppress_health_check=_QUIET, max_examples=40, phases=_PHASES)
@given(searches())
def test_what_is_found_is_what_a_plain_matcher_finds(
    index: Index, search: tuple[Level, dict[str, str]]
) -> None:
    level, query = search
    assert found(index, level, query) == expected(level, query)


NAMES_OF_ATTRIBUTES = sorted(
    {name for at in Level for name in KEYS[at]} | {"StudyTime", "AcquisitionDateTime", "limit"}
)
CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from("*?\\%_[]^=-,.\0 20:+")


@settings(suppress_health_check=_QUIET, max_examples=30, phases=_PHASES)
@given(
    level=st.sampled_from(Level),
    query=st.dictionaries(st.sampled_from(NAMES_OF_ATTRIBUTES) | st.text(), st.text(CHARACTERS), max_size=4),
)
def test_no_value_is_too_odd(index: Index, level: Level, query: dict[str, str]) -> None:
    try:
        parsed = parse_query(level, urlencode(query))
    except SearchError:
        return
    page = index.search(parsed)
    assert len(page.matches) <= page.total


def test_conditions_in_one_sequence_are_few(index: Index) -> None:
    tags = [
        f"0040{number:04X}" for number in (0x0006, 0x0007, 0x0009, 0x0001, 0x0010, 0x0011, 0x0012, 0x0020)
    ]
    query = "&".join(f"RequestAttributesSequence.{tag}=1" for tag in tags)
    assert index.search(parse_query(Level.SERIES, query)).total == 0
    with pytest.raises(SearchError) as caught:
        parse_query(Level.SERIES, f"{query}&RequestAttributesSequence.RequestedProcedureID=R1")
    assert caught.value.kind == "too-many"


def test_moments_match_across_midnight_and_offsets(index: Index) -> None:
    """AcquisitionDateTime is 2024-01-31 08:30:15+01:00, 2024 and 202402, by study; dates and times go together."""
    for text, studies in (
        ("20240131073015", {"1.2.0", "1.2.4"}),
        ("20240131083015+0100", {"1.2.0", "1.2.4"}),
        ("20240131023015-0500", {"1.2.0", "1.2.4"}),
        ("20240131083015", set()),
        ("2024", {"1.2.0", "1.2.1", "1.2.2", "1.2.4", "1.2.5"}),
        ("202402-", {"1.2.2"}),
        ("-20240101", {"1.2.1", "1.2.5"}),
        ("20240131083015+0100-20240301", {"1.2.0", "1.2.2", "1.2.4"}),
    ):
        found_in = {
            one.study_instance_uid
            for one in index.search(
                parse_query(Level.INSTANCE, urlencode({"AcquisitionDateTime": text}))
            ).matches
        }
        assert found_in == studies, text
    # 1.2.0: 20240131 0830; 1.2.1: 20240201 083015; 1.2.2: 19991231 083015.25; 1.2.4: 20240131; 1.2.5: 20240201 0830.
    for dates, times, studies in (
        ("20240131-20240201", "0831-0830", {"1.2.1", "1.2.5"}),
        ("20240131-20240201", "0830-083014", {"1.2.0", "1.2.5"}),
        ("20240201-", "083001-", {"1.2.1"}),
        ("-20240131", "-0829", {"1.2.2"}),
        ("20240131-", "-0829", set()),
    ):
        assert found(index, Level.STUDY, {"StudyDate": dates, "StudyTime": times}) == studies, (dates, times)
