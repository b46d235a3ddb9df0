# SPDX-License-Identifier: Apache-2.0
"""The scanner finds what the judge finds, reads little, and says where a file is broken."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

import judge
from corpus import SourceFile
from counting_source import CountingSource
from dicom_writer import (
    EXPLICIT_LITTLE,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    data_set,
    element,
    image,
    item,
    open_sequence,
    part10,
    pixel_data,
)
from framedeflate.byte_source import BytesSource, Plan, drive
from framedeflate.data_set.layout import DataSetLayout
from framedeflate.errors import DicomFormatError
from framedeflate.part10 import read_data_set_layout, read_file_meta
from transcoded import NATIVE, named, uid_of

HEAD = data_set(image())
PIXEL_DATA = element(0x7FE00010, "OB", bytes(58))


def layout_of(file: bytes) -> DataSetLayout:
    return read_data_set_layout(BytesSource(file), read_file_meta(BytesSource(file)), descend=True)


@pytest.mark.parametrize("source", [f for f in NATIVE if uid_of(f) != judge.DEFLATED_DATA_SET], ids=named)
def test_places_are_the_judge_s(source: SourceFile) -> None:
    file = source.path.read_bytes()
    layout, expected = layout_of(file), judge.read(file)
    assert layout.position == expected.order[0].start
    assert 0x7FE00010 in layout.elements
    for tag, found in layout.elements.items():
        raw = expected.elements[tag]
        assert (found.header_position, found.value_position) == (raw.start, raw.value_start)
        assert found.is_undefined_length or found.end_position == raw.value_stop
        assert found.vr.decode() == raw.vr
    for tag in (0x00280010, 0x00280011, 0x00280100, 0x00280103):
        assert layout.unsigned_short(tag) == expected.short(tag)
    for tag in (0x00280004, 0x00280008, 0x00080018):
        assert layout.text(tag) == expected.text(tag)


def test_pixel_data_is_not_read_to_be_found() -> None:
    file = part10(HEAD + element(0x7FE00010, "OB", bytes(5 << 20)), uid=EXPLICIT_LITTLE)
    source = CountingSource(file)
    layout = read_data_set_layout(source, read_file_meta(source))
    assert layout.elements[0x7FE00010].value_nbytes == 5 << 20
    assert source.read_nbytes < 400_000


@pytest.mark.parametrize("undefined", [False, True])
def test_a_hundred_thousand_items_before_pixel_data(undefined: bool) -> None:
    inside = element(0x00209157, "UL", struct.pack("<I", 7)) + element(0x00289110, "SQ", item(b""))
    if undefined:
        one = item(inside, nbytes=UNDEFINED) + ITEM_END
        sequence = element(0x52009230, "SQ", one * 100_000 + SEQUENCE_END, nbytes=UNDEFINED)
    else:
        sequence = element(0x52009230, "SQ", item(inside) * 100_000)
    file = part10(HEAD + sequence + pixel_data([b"\3\0"]))
    source = CountingSource(file)
    layout = read_data_set_layout(source, read_file_meta(source), descend=True)
    assert layout.elements[0x7FE00010].header_position == file.index(b"\xe0\x7f\x10\x00OB")
    assert source.read_nbytes < 1.1 * len(file)
    assert len(source.ranges) < 200


def nested(depth: int, *, undefined: bool) -> bytes:
    inside = b""
    for _ in range(depth):
        inside = open_sequence(0x00081140, inside) if undefined else element(0x00081140, "SQ", item(inside))
    return inside


@pytest.mark.parametrize("undefined", [False, True])
def test_sequences_may_be_nested_64_deep(undefined: bool) -> None:
    file = part10(nested(64, undefined=undefined) + HEAD + PIXEL_DATA)
    assert 0x7FE00010 in layout_of(file).elements


def test_deeper_nesting_is_refused() -> None:
    with pytest.raises(DicomFormatError) as caught:
        layout_of(part10(nested(65, undefined=True) + HEAD + PIXEL_DATA))
    assert caught.value.kind == "too-deep"


def test_bytes_that_look_like_pixel_data_are_not_taken_for_it() -> None:
    decoy = pixel_data([b"\3\0"])
    private = element(0x00291010, "OB", decoy) + element(0x00291011, "UN", decoy)
    icon = element(0x00880200, "SQ", item(element(0x7FE00010, "OB", b"icon")))
    file = part10(HEAD + private + icon + PIXEL_DATA)
    found = layout_of(file).elements[0x7FE00010]
    assert found.header_position == file.rindex(PIXEL_DATA)


def test_un_of_undefined_length_is_walked_as_implicit_vr() -> None:
    # PS3.5 6.2.2: a sequence whose VR its writer did not know.
    inner = struct.pack("<HHI", 0x0008, 0x0100, 2) + b"A "
    unknown = element(0x00291010, "UN", item(inner) + SEQUENCE_END, nbytes=UNDEFINED)
    file = part10(HEAD + unknown + PIXEL_DATA)
    assert layout_of(file).elements[0x7FE00010].header_position == file.index(PIXEL_DATA)


def test_the_first_of_two_elements_of_one_tag_counts() -> None:
    file = part10(HEAD + element(0x00280010, "US", b"\x07\0") + PIXEL_DATA)
    assert layout_of(file).unsigned_short(0x00280010) == 15


WHOLE = part10(HEAD + PIXEL_DATA, uid=EXPLICIT_LITTLE)
BETWEEN_ELEMENTS = {element.stop for element in judge.read(WHOLE).order}


@given(st.integers(0, len(WHOLE) - 60))
def test_a_file_may_end_between_elements_only(stop: int) -> None:
    if stop in BETWEEN_ELEMENTS:
        assert layout_of(WHOLE[:stop]).pixel_data is None
        return
    with pytest.raises(DicomFormatError) as caught:
        layout_of(WHOLE[:stop])
    assert caught.value.kind == "not-part10" if stop < 132 else caught.value.kind in {"truncated", "bad-meta"}
    assert 0 <= caught.value.position <= max(stop, 128)


def test_file_meta_of_any_make() -> None:
    expected = dict(judge.read_meta(WHOLE)[0])
    without_length = WHOLE[:132] + WHOLE[144:]
    wrong_length = WHOLE[:140] + b"\1\0\0\0" + WHOLE[144:]
    for file in (WHOLE, without_length, wrong_length):
        meta = read_file_meta(BytesSource(file))
        assert meta.transfer_syntax_uid == EXPLICIT_LITTLE
        assert meta.data_set_position == file.index(HEAD)
        assert meta.preamble == bytes(128)
        found = {tag: value for tag, value in meta.elements.items() if tag != 0x00020000}
        assert found == {tag: value for tag, value in expected.items() if tag != 0x00020000}


def test_private_information_longer_than_a_window() -> None:
    private = element(0x00020102, "OB", bytes(200_000))
    file = WHOLE.replace(HEAD, private + HEAD)
    meta = read_file_meta(BytesSource(file))
    assert meta.elements[0x00020102] == bytes(200_000)
    assert meta.data_set_position == file.index(HEAD)
    with pytest.raises(DicomFormatError) as caught:
        read_file_meta(BytesSource(WHOLE.replace(HEAD, element(0x00020102, "OB", bytes(2 << 20)) + HEAD)))
    assert caught.value.kind == "bad-meta"


def test_a_plan_asks_and_is_answered() -> None:
    def plan() -> Plan[str]:
        first = yield (0, 2)
        second = yield (2, 100)
        return f"{first!r} {second!r}"

    assert drive(plan(), BytesSource(b"abcdef")) == "b'ab' b'cdef'"
