# SPDX-License-Identifier: Apache-2.0
import io
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.filereader import read_dataset

from data_set_samples import WORDS, Node, write
from framedeflate.data_set.element import MAX_DEPTH, replace_elements
from framedeflate.data_set.encoding import to_explicit_little, to_implicit_little
from framedeflate.errors import DicomFormatError, FrameDeflateError
from peers import CORPUS, PYDICOM_FILES, data_set_bytes, require_peer

IMPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
RAW = bytes(range(1, 49))

# Any VR at any tag: what Explicit VR says is believed.
ANY_VR = sorted(set(WORDS) | {"AE", "CS", "DA", "DS", "IS", "LO", "OB", "PN", "UI", "UN", "UT"})


def from_big(data: bytes) -> bytes:
    return to_explicit_little(data, implicit_vr=False, big_endian=True)


def from_implicit(data: bytes, **kwargs: int) -> bytes:
    return to_explicit_little(data, implicit_vr=True, big_endian=False, **kwargs)


values = st.integers(0, 6).map(lambda words: RAW[: 8 * words])
leaves = st.builds(Node, st.integers(1, 0xFFF).map(lambda n: 0x00100000 | n), st.sampled_from(ANY_VR), values)
trees = st.recursive(
    leaves,
    lambda node: st.builds(
        Node,
        st.just(0x00101002),
        st.just("SQ"),
        st.lists(st.lists(node, max_size=3), max_size=3),
        st.booleans(),
    ),
    max_leaves=12,
)


@given(st.lists(trees, max_size=6))
def test_big_endian_words_are_swapped_at_any_depth(nodes: list[Node]) -> None:
    assert from_big(write(nodes, big=True)) == write(nodes)


@pytest.mark.parametrize("vr", sorted(WORDS))
def test_swap_is_numpys(vr: str) -> None:
    source = write([Node(0x00100010, "SQ", [[Node(0x54001010, "OB", b"")]])], big=True)
    header = write([Node(0x00420011, vr, RAW)], big=True)[: -len(RAW)]
    result = from_big(source + header + RAW)
    assert result.endswith(np.frombuffer(RAW, WORDS[vr]).byteswap().tobytes())


def test_odd_words_are_swapped_as_far_as_they_go() -> None:
    big = write([Node(0x00420011, "OB", b"\1\2\3")], big=True).replace(b"OB", b"OW")
    assert from_big(big).endswith(b"\2\1\3")


def files_in(uid: str) -> list[Path]:
    paths = sorted(PYDICOM_FILES.glob("*.dcm")) + sorted(CORPUS.glob("*/*.dcm"))
    found = []
    for path in paths:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if file.read(132)[128:] == b"DICM":
                meta = pydicom.filereader.read_file_meta_info(path)
                if meta.get("TransferSyntaxUID") == uid and "FileMetaInformationGroupLength" in meta:
                    found.append(path)
    return found


UNREADABLE = {"rtplan_truncated.dcm": "it ends inside its Data Set"}
SOURCES = [path for uid in (IMPLICIT, BIG) for path in files_in(uid) if path.name not in UNREADABLE]

# dcmconv writes these in another way, with the same meaning.
DCMCONV_DIFFERS = {
    "nested_priv_SQ.dcm": "it gives sequences of undefined length a length",
    "pydicom-data__gdcm-US-ALOKA-16.dcm": "it trims padding of more than one blank",
}


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.name not in DCMCONV_DIFFERS], ids=lambda path: path.name
)
def test_same_bytes_as_dcmconv(path: Path, tmp_path: Path) -> None:
    dcmconv = require_peer("dcmconv")
    subprocess.run([dcmconv, "+te", "-g", path, tmp_path / "out.dcm"], check=True)
    uid, position, data = data_set_bytes(path)
    result = to_explicit_little(data, implicit_vr=uid == IMPLICIT, big_endian=uid == BIG, position=position)
    assert result == data_set_bytes(tmp_path / "out.dcm")[2]


def same_data_set(left: pydicom.Dataset, right: pydicom.Dataset) -> None:
    assert [element.tag for element in left] == [element.tag for element in right]
    for mine, other in zip(left, right, strict=True):
        assert mine.VR == other.VR
        if mine.VR == "SQ":
            assert len(mine.value) == len(other.value)
            for one, two in zip(mine.value, other.value, strict=True):
                same_data_set(one, two)
        else:
            assert repr(mine.value) == repr(other.value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path in files_in(IMPLICIT)], ids=lambda path: path.name
)
def test_same_values_and_vrs_as_pydicom_reads(path: Path) -> None:
    _, _, data = data_set_bytes(path)
    result = read_dataset(io.BytesIO(from_implicit(data)), is_implicit_VR=False, is_little_endian=True)
    original = pydicom.dcmread(path)
    same_data_set(result, original)


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path in files_in(IMPLICIT)], ids=lambda path: path.name
)
def test_there_and_back_is_the_source(path: Path) -> None:
    _, _, data = data_set_bytes(path)
    assert to_implicit_little(from_implicit(data)) == data


@pytest.mark.parametrize(
    ("tag", "vr", "text"),
    [
        (0x00281053, "DS", b"1.50 "),
        (0x00281053, "DS", b" +1e2\\-0.0 "),
        (0x00200013, "IS", b"+007"),
        (0x00200013, "IS", b"1.5 "),
        (0x00080020, "DA", b"2020.01.02"),
        (0x00080018, "UI", b"not a uid\0"),
        (0x00100010, "PN", b"\x1b$B\x3b\x33\x45\x44\x1b(B^"),
        (0x00080005, "CS", b"ISO 2022 IR 999 "),
        (0x00280010, "US", b"\x01\x02\x03"),
    ],
)
def test_values_are_not_parsed_and_formatted_again(tag: int, vr: str, text: bytes) -> None:
    nodes = [Node(tag, vr, text), Node(0x00400275, "SQ", [[Node(tag, vr, text)]])]
    nodes.sort()
    assert from_implicit(write(nodes, implicit=True)) == write(nodes)
    if vr != "US":
        assert from_big(write(nodes, big=True)) == write(nodes)


def signed(value: int) -> Node:
    return Node(0x00280103, "US", value.to_bytes(2, "little"))


@pytest.mark.parametrize("own", [None, 0, 1])
@pytest.mark.parametrize("outer", [None, 0, 1])
@pytest.mark.parametrize("given_from_outside", [None, 0, 1])
def test_us_or_ss_by_the_nearest_pixel_representation(
    own: int | None, outer: int | None, given_from_outside: int | None
) -> None:
    def nodes(inside: str, outside: str) -> list[Node]:
        # (0018,9810) stands before the Pixel Representation that decides it.
        item = [Node(0x00189810, inside, b"\1\0"), *([signed(own)] if own is not None else [])]
        item.append(Node(0x00280106, inside, b"\1\0"))
        top = [Node(0x00186011, "SQ", [item, []]), *([signed(outer)] if outer is not None else [])]
        return [
            *top,
            Node(0x00280120, outside, b"\3\0"),
            Node(0x00409096, "SQ", [[Node(0x00409211, outside, b"\1\0")]]),
        ]

    around = outer if outer is not None else given_from_outside or 0
    expected = nodes("SS" if (around if own is None else own) else "US", "SS" if around else "US")
    source = write(nodes("US", "US"), implicit=True)
    kwargs = {} if given_from_outside is None else {"pixel_representation": given_from_outside}
    assert from_implicit(source, **kwargs) == write(expected)


@pytest.mark.parametrize(("entries", "vr"), [(1, "US"), (2, "OW"), (0, "OW")])
def test_lut_data_is_us_for_a_single_entry(entries: int, vr: str) -> None:
    descriptor = np.array([entries, 0, 16], "<u2").tobytes()
    item = [Node(0x00283002, "US", descriptor), Node(0x00283006, vr, b"\5\0")]
    nodes = [Node(0x00283010, "SQ", [item]), Node(0x60003000, "OW", b"\1\2")]
    assert from_implicit(write(nodes, implicit=True)) == write(nodes)


def test_private_elements_are_kept() -> None:
    inner = [Node(0x00090010, "LO", b"OTHER "), Node(0x00091001, "UN", b"\1\2")]
    nodes = [
        Node(0x00090010, "LO", b"GEMS_IDEN_01"),
        Node(0x00091001, "LO", b"FULL"),
        Node(0x000910FF, "UN", b"anything"),
        Node(0x00111001, "UN", b"no creator"),
        Node(0x00131001, "SQ", [inner], True),
    ]
    assert from_implicit(write(nodes, implicit=True)) == write(nodes)


def test_private_sequence_of_the_dictionary_that_is_none_becomes_un() -> None:
    creator = Node(0x20010010, "LO", b"Philips Imaging DD 001")
    tag = 0x2001105F
    assert pydicom.datadict.private_dictionary_VR(tag, "Philips Imaging DD 001") == "SQ"
    well = [creator, Node(tag, "SQ", [[Node(0x00100010, "PN", b"A^B ")]])]
    assert from_implicit(write(well, implicit=True)) == write(well)
    ill = [creator, Node(tag, "UN", b"no Items at all ")]
    assert from_implicit(write(ill, implicit=True)) == write(ill)


def test_what_a_failed_attempt_left_behind_is_forgotten() -> None:
    # The Item before the garbage holds an element that waits for the Pixel Representation behind it.
    item = write([Node(0x00400275, "SQ", [[Node(0x00280106, "US", b"\1\0")]])], implicit=True)[8:]
    creator = Node(0x20010010, "LO", b"Philips Imaging DD 001")
    nodes = [creator, Node(0x2001105F, "UN", item + b"garbage!")]
    outer = [Node(0x00080060, "CS", b"CT"), Node(0x00409096, "SQ", [[*nodes, signed(1)]])]
    expected = [Node(0x00080060, "CS", b"CT"), Node(0x00409096, "SQ", [[*nodes, signed(1)]])]
    assert from_implicit(write(outer, implicit=True)) == write(expected)
    tail = [*nodes, Node(0x20010011, "LO", b"x "), Node(0x20051001, "UN", b"abcd")]
    assert from_implicit(write(tail, implicit=True), pixel_representation=1) == write(tail)


def test_un_of_undefined_length_stays_implicit_little_endian() -> None:
    items = write([Node(0, "UN", [[Node(0x00100010, "PN", b"A^B ")]], True)], implicit=True)[8:]
    element = b"\x00\x09\x10\x01UN\0\0\xff\xff\xff\xff"
    assert from_big(element + items) == b"\x09\x00\x01\x10UN\0\0\xff\xff\xff\xff" + items
    assert (
        to_implicit_little(b"\x09\x00\x01\x10UN\0\0\xff\xff\xff\xff" + items)
        == b"\x09\0\x01\x10\xff\xff\xff\xff" + items
    )


def test_a_value_too_long_for_its_vr_becomes_un() -> None:
    text = b"1\\" * 40_000
    assert from_implicit(write([Node(0x00281053, "DS", text)], implicit=True)) == write(
        [Node(0x00281053, "UN", text)]
    )
    kept = b"1\\" * 32_767
    assert from_implicit(write([Node(0x00281053, "DS", kept)], implicit=True)) == write(
        [Node(0x00281053, "DS", kept)]
    )


def test_group_lengths_are_left_out() -> None:
    length = Node(0x00280000, "UL", b"\1\2\3\4")
    item = [length, Node(0x00280010, "US", b"\1\0")]
    rest = [Node(0x00280010, "US", b"\1\0")]
    nodes = [Node(0x00080000, "UL", b"\0\0\0\0"), Node(0x00186011, "SQ", [item]), *rest]
    expected = write([Node(0x00186011, "SQ", [rest]), *rest])
    assert from_implicit(write(nodes, implicit=True)) == expected
    assert from_big(write(nodes, big=True)) == expected


def nested(depth: int) -> bytes:
    node = Node(0x00400275, "SQ", [[]])
    for _ in range(depth - 1):
        node = Node(0x00400275, "SQ", [[node]])
    return write([node], implicit=True)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x10\x00\x10\x00\xff\x00\x00\x00AB", "truncated"),
        (b"\x10\x00\x10\x00\xff", "truncated"),
        (b"\x40\x00\x75\x02\xff\xff\xff\xff", "truncated"),
        (b"\x40\x00\x75\x02\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff", "truncated"),
        (b"\x40\x00\x75\x02\x08\x00\x00\x00\x10\x00\x10\x00\x00\x00\x00\x00", "bad-structure"),
        (b"\xfe\xff\x0d\xe0\x00\x00\x00\x00", "bad-structure"),
        (nested(MAX_DEPTH + 1), "too-deep"),
    ],
)
def test_what_cannot_be_walked_is_named(data: bytes, kind: str) -> None:
    with pytest.raises(DicomFormatError) as caught:
        from_implicit(write([Node(0x00080060, "CS", b"CT")], implicit=True) + data, position=1000)
    assert caught.value.kind == kind
    assert 1000 <= caught.value.position <= 1010 + len(data)


def test_the_stated_depth_is_read() -> None:
    assert to_implicit_little(from_implicit(nested(MAX_DEPTH))) == nested(MAX_DEPTH)


BROKEN_SOURCES = [
    data_set_bytes(PYDICOM_FILES / name)[2] for name in ("rtplan.dcm", "priv_SQ.dcm", "nested_priv_SQ.dcm")
]


@given(st.sampled_from(BROKEN_SOURCES), st.data(), st.booleans(), st.booleans())
def test_only_our_errors_leave(source: bytes, data: st.DataObject, implicit: bool, big: bool) -> None:
    broken = bytearray(source)
    for _ in range(data.draw(st.integers(0, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    broken = broken[: data.draw(st.integers(0, len(broken)))]
    functions: list[Callable[[], bytes]] = [
        lambda: to_explicit_little(bytes(broken), implicit_vr=implicit, big_endian=big),
        lambda: to_implicit_little(bytes(broken)),
    ]
    for function in functions:
        with suppress(FrameDeflateError):
            function()


def test_replace_elements_leaves_all_else() -> None:
    sequence = Node(0x00400275, "SQ", [[Node(0x00280004, "CS", b"YBR_RCT ")]], True)
    before = [Node(0x00080008, "CS", b"ORIGINAL"), Node(0x00280004, "CS", b"YBR_RCT "), sequence]
    changes = {
        0x00280004: (b"CS", b"RGB"),
        0x00080018: (b"UI", b"1.2.3"),
        0x00080008: (b"", b""),
        0x7FE00001: (b"OV", bytes(8)),
    }
    after = [
        Node(0x00080018, "UI", b"1.2.3\0"),
        Node(0x00280004, "CS", b"RGB "),
        sequence,
        Node(0x7FE00001, "OV", bytes(8)),
    ]
    assert replace_elements(write(before), changes) == write(after)
    assert replace_elements(write(before), {}) == write(before)


def test_replace_elements_finds_each_that_stands_out_of_order_or_twice() -> None:
    old, modality = Node(0x00280004, "CS", b"RGB "), Node(0x00080060, "CS", b"CT")
    new, sequence = Node(0x00280004, "CS", b"YBR_FULL"), Node(0x00400275, "SQ", [[old]])
    planar = Node(0x00280006, "US", b"\0\0")
    changes = {0x00280004: (b"CS", b"YBR_FULL"), 0x00280006: (b"US", b"\0\0")}
    for before, after in (
        ([sequence, old, modality], [planar, sequence, new, modality]),
        ([modality, old, sequence, old], [modality, new, planar, sequence]),
        ([planar, old], [planar, new]),
        ([old, old, old], [new, planar]),
    ):
        assert replace_elements(write(before), changes) == write(after)


def test_pydicom_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys, framedeflate, framedeflate.foreign.frames, framedeflate.foreign.icon_image\n"
        "assert not any(name.split('.')[0] in ('pydicom', 'gdcm', 'openjpeg') for name in sys.modules)\n"
        "from framedeflate.data_set.encoding import to_explicit_little\n"
        "to_explicit_little(b'\\x08\\0\\x60\\0\\2\\0\\0\\0CT', implicit_vr=True, big_endian=False)\n"
        "assert 'pydicom' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
