# SPDX-License-Identifier: Apache-2.0
"""Results as the DICOM JSON model: what PS3.18 Tables 10.6.3-3, -4 and -5 ask for, and what the query asks for."""

from typing import Any, Final

from framedeflate.web.representations import Target, representations
from framedeflate.web.search.attributes import LEVEL_TAGS, Level
from framedeflate.web.search.page import Match
from framedeflate.web.search.query import Query

__all__ = ["available_transfer_syntaxes", "result_of"]

Model = dict[str, Any]

# Tables 10.6.3-3 to -5: "R", returned without a value where there is none, with its VR; "C", returned if known.
_REQUIRED: Final = {
    Level.STUDY: {
        "00080020": "DA",
        "00080030": "TM",
        "00080050": "SH",
        "00080090": "PN",
        "00100010": "PN",
        "00100020": "LO",
        "00100030": "DA",
        "00100040": "CS",
        "00200010": "SH",
    },
    Level.SERIES: {"00080060": "CS", "00200011": "IS"},
    Level.INSTANCE: {"00080016": "UI", "00200013": "IS"},
}
_IF_KNOWN: Final = {
    Level.STUDY: frozenset[str](),
    Level.SERIES: frozenset({"0008103E", "00400244", "00400245", "00400275"}),
    Level.INSTANCE: frozenset({"00280008", "00280010", "00280011", "00280100"}),
}
_TIMEZONE_OFFSET_FROM_UTC: Final = "00080201"


def result_of(match: Match, query: Query, service_url: str) -> Model:
    """Return one result.

    A search without a study in its path returns the attributes of the levels above too (10.6.3.3.2, 10.6.3.3.3).

    Parameters
    ----------
    match : Match
    query : Query
    service_url : str
        Base of Retrieve URLs, without a slash at the end.
    """
    known = match.attributes
    found: Model = {}
    for level in _levels(query):
        found |= {key: known.get(key, {"vr": vr}) for key, vr in _REQUIRED[level].items()}
        found |= {key: known[key] for key in _IF_KNOWN[level] if key in known}
    wanted = query.included | (LEVEL_TAGS[query.level] if query.include_all else frozenset())
    found |= {key: known[key] for tag in wanted if (key := f"{tag:08X}") in known}
    if _TIMEZONE_OFFSET_FROM_UTC in known:
        found[_TIMEZONE_OFFSET_FROM_UTC] = known[_TIMEZONE_OFFSET_FROM_UTC]
    found |= _made(match, query, service_url)
    return {key: found[key] for key in sorted(found)}


def _levels(query: Query) -> list[Level]:
    """Return the levels whose attributes are returned: from the one below what the path names to the query's own."""
    above = (query.study_instance_uid is not None) + (query.series_instance_uid is not None)
    return [level for level in Level if above < level <= query.level]


def _made(match: Match, query: Query, service_url: str) -> Model:
    """Return the attributes that no file has."""
    url = f"{service_url}/studies/{match.study_instance_uid}"
    made: Model = {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080056": {"vr": "CS", "Value": ["ONLINE"]},
        "0020000D": {"vr": "UI", "Value": [match.study_instance_uid]},
    }
    levels = _levels(query)
    asked = query.included
    if Level.STUDY in levels or {0x00080061, 0x00201206, 0x00201208} & asked:
        made["00080061"] = {"vr": "CS", "Value": list(match.modalities)} if match.modalities else {"vr": "CS"}
        made["00201206"] = {"vr": "IS", "Value": [match.study_series]}
        made["00201208"] = {"vr": "IS", "Value": [match.study_instances]}
    if match.series_instance_uid is not None:
        url += f"/series/{match.series_instance_uid}"
        made["0020000E"] = {"vr": "UI", "Value": [match.series_instance_uid]}
        if Level.SERIES in levels or 0x00201209 in asked:
            made["00201209"] = {"vr": "IS", "Value": [match.series_instances]}
    if match.sop_instance_uid is not None:
        url += f"/instances/{match.sop_instance_uid}"
        made["00080018"] = {"vr": "UI", "Value": [match.sop_instance_uid]}
    if match.stored is not None:
        made["00083002"] = {"vr": "UI", "Value": available_transfer_syntaxes(match)}
    made["00081190"] = {"vr": "UR", "Value": [url]}
    return made


def available_transfer_syntaxes(match: Match) -> list[str]:
    """Return in which Transfer Syntaxes an instance can be retrieved, that of its file first (PS3.4 C.6.1.1.5.2)."""
    if match.stored is None:
        return []
    offers = representations(Target.INSTANCE, match.stored, rendered=(), metadata_xml=False)
    uids = [offer.transfer_syntax_uid for offer in offers if offer.media_type == "application/dicom"]
    stored_uid = match.stored.transfer_syntax_uid
    return sorted((uid for uid in uids if uid), key=lambda uid: uid != stored_uid)
