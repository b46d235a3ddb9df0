# SPDX-License-Identifier: Apache-2.0
"""A few studies to be searched, and a plain matcher that says which of them a query finds (PS3.4 C.2.2.2)."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from indexed_files import made_dataset, save

NAMES = (
    "Doe^John",
    "DOE^Jane^^Dr",
    "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "Æneas^Jörg",
    "O'Neil^100%_A\\b"[:-2],
    "",
)
DATES = ("20240131", "20240201", "19991231", "")
TIMES = ("0830", "083015", "083015.25", "235959.999999", "")
MODALITIES = ("CT", "MR", "SEG")


def datasets() -> Iterator[Dataset]:
    """Instances of 6 studies of up to 3 series."""
    number = 0
    for study in range(6):
        for series in range(1 + study % 3):
            for instance in range(1 + (study + series) % 3):
                number += 1
                dataset = made_dataset(
                    f"1.2.{study}",
                    f"1.3.{study}.{series}",
                    f"1.4.{number}",
                    SpecificCharacterSet="ISO_IR 192",
                    PatientName=NAMES[study],
                    PatientID=("A[1]*", "A1", "a1", "B_1", "B%1", "")[study],
                    StudyDate=DATES[study % 4],
                    StudyTime=TIMES[study % 5],
                    AccessionNumber=f"ACC {study}",
                    StudyID=str(study),
                    PatientComments="x" * 70 + str(study),
                    Modality=MODALITIES[(study + series) % 3],
                    SeriesNumber=series + 1,
                    SeriesDescription=("T1 axial", "T2 [sag]", "")[series],
                    InstanceNumber=instance + 1,
                    ImageType=["DERIVED", "PRIMARY", f"TYPE{instance}"],
                    PatientWeight="70.50",
                    AcquisitionDateTime=("20240131083015+0100", "2024", "202402", "")[study % 4],
                    TimezoneOffsetFromUTC="+0100",
                    OtherPatientNames=["Alpha^A", "Beta^B"] if study == 1 else None,
                )
                dataset.RequestAttributesSequence = [
                    made_item(f"S{study}", f"R{series}"),
                    made_item(f"S{study + 1}", f"R{series + 1}"),
                ]
                yield dataset


def made_item(step: str, procedure: str) -> Dataset:
    item = Dataset()
    item.ScheduledProcedureStepID, item.RequestedProcedureID = step, procedure
    code = Dataset()
    code.CodeValue, code.CodeMeaning = f"C{step}", f"M{procedure}"
    item.ScheduledProtocolCodeSequence = [code]
    return item


def save_all(folder: Path) -> list[Path]:
    """Write them as files."""
    return [save(dataset, folder / f"{dataset.SOPInstanceUID}.dcm") for dataset in datasets()]


@cache
def _every() -> list[Dataset]:
    return list(datasets())


LEVEL_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def expected(level: int, query: dict[str, str]) -> set[str]:
    """UIDs of what a query finds; the instance with the least UID says what the attributes of its study are."""
    every = _every()

    def of(uid_name: str, dataset: Dataset) -> Dataset:
        same = [one for one in every if one[uid_name].value == dataset[uid_name].value]
        return min(same, key=lambda one: str(one.SOPInstanceUID))

    found = set()
    for dataset in every:
        studies, series = of("StudyInstanceUID", dataset), of("SeriesInstanceUID", dataset)
        modalities = {one.Modality for one in every if one.StudyInstanceUID == dataset.StudyInstanceUID}
        if all(
            not text.strip(" *") or any(has(text, "CS", one) for one in modalities)
            if name == "ModalitiesInStudy"
            else meets(_level(name, studies, series, dataset), name, text)
            for name, text in query.items()
            if not name.startswith("RequestAttributesSequence")
        ) and one_item_meets(series, query):
            found.add(str(dataset[LEVEL_UIDS[level - 1]].value))
    return found


SERIES_NAMES = {"Modality", "SeriesNumber", "SeriesDescription", "SeriesInstanceUID"}
INSTANCE_NAMES = {"InstanceNumber", "ImageType", "SOPInstanceUID", "SOPClassUID", "AcquisitionDateTime"}


def _level(name: str, study: Dataset, series: Dataset, instance: Dataset) -> Dataset:
    return series if name in SERIES_NAMES else instance if name in INSTANCE_NAMES else study


def one_item_meets(series: Dataset, query: dict[str, str]) -> bool:
    keys = {name.split(".", 1)[1]: text for name, text in query.items() if name.startswith("Request")}
    if not any(text.strip(" *") for text in keys.values()):
        return True
    return any(
        all(
            any(meets(code, name.split(".")[1], text) for code in item.ScheduledProtocolCodeSequence)
            if "." in name
            else meets(item, name, text)
            for name, text in keys.items()
        )
        for item in series.RequestAttributesSequence
    )


def meets(dataset: Dataset, name: str, text: str) -> bool:
    # Component groups that are all empty ask for nothing either.
    if not text.strip(" *") or (name.endswith(("Name", "Names")) and "=" in text and not text.strip(" *^=")):
        return True
    if name not in dataset or dataset[name].is_empty:
        return False
    element = dataset[name]
    values = element.value if isinstance(element.value, list) or element.VM > 1 else [element.value]
    return any(has(text, element.VR, value) for value in values)


def has(text: str, vr: str, value: Any) -> bool:
    """Whether one value is what a query's value asks for."""
    if vr == "UI":
        return str(value) in [one.strip() for one in re.split(r"[,\\]", text)]
    if vr in {"IS", "DS"}:
        return float(text) == float(value)
    if vr in {"DA", "TM"}:
        return _moment_meets(text, str(value), 8 if vr == "DA" else 6)
    if vr == "PN":
        groups = [clean(group).rstrip("^ ") for group in str(value).split("=")]
        wanted = [clean(group).rstrip("^ ") for group in text.split("=")]
        if len(wanted) == 1:
            return any(wild(wanted[0], group) for group in groups if group)
        groups += [""] * 3
        return all(
            not want.strip(" *^") or (bool(group) and wild(want, group))
            for want, group in zip(wanted, groups, strict=False)
        )
    return wild(unicodedata.normalize("NFC", text).strip(), str(value).strip())


def clean(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).strip()


def wild(pattern: str, text: str) -> bool:
    """Whether a text matches, by the lengths of its beginning that the pattern so far can cover."""
    covered = {0}
    for one in pattern:
        if one == "*":
            covered = set(range(min(covered, default=len(text) + 1), len(text) + 1))
        else:
            covered = {at + 1 for at in covered if at < len(text) and one in ("?", text[at])}
    return len(text) in covered


def _moment_meets(text: str, value: str, digits: int) -> bool:
    first, hyphen, last = text.partition("-")
    low = _number(first if hyphen else text, digits, "0") if first.strip() or not hyphen else -1.0
    high = _number(last if hyphen else text, digits, "9") if last.strip() or not hyphen else float("inf")
    return low <= _number(value, digits, "0") <= high


def _number(text: str, digits: int, fill: str) -> float:
    """A date or time as a number, missing seconds and minutes filled up."""
    whole, _, fraction = text.strip().partition(".")
    whole += ("00" if fill == "0" else "59") * ((digits - len(whole)) // 2)
    return int(whole) * 10**6 + int(fraction.ljust(6, fill))
