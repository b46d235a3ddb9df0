# SPDX-License-Identifier: Apache-2.0
import io
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate, generate_frames
from pydicom.filereader import read_dataset

from data_set_samples import Node, write
from framedeflate.data_set.element import ElementReader
from framedeflate.data_set.rewriter import DataSetRewriter, NativeImage
from framedeflate.errors import (
    DicomFormatError,
    EncapsulationError,
    FrameDecodeError,
    FrameDeflateError,
    UnsupportedImageError,
)
from framedeflate.foreign.icon_image import decode_icons, inflate_icons
from peers import PYDICOM_FILES

RLE, JPEG = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50"


def us(tag: int, value: int) -> Node:
    return Node(tag, "US", value.to_bytes(2, "little"))


def image(
    pixel_data: Node, rows: int, columns: int, bits: int, *, samples: int = 1, photometric: str = ""
) -> list[Node]:
    text = (photometric or "MONOCHROME2").encode()
    return [
        us(0x00280002, samples),
        Node(0x00280004, "CS", text + b" " * (len(text) & 1)),
        *([us(0x00280006, 1)] if samples == 3 else []),
        us(0x00280010, rows),
        us(0x00280011, columns),
        us(0x00280100, bits),
        us(0x00280101, bits),
        us(0x00280102, bits - 1),
        us(0x00280103, 0),
        pixel_data,
    ]


MARK = b"\xab\xcd\xef\x01" * 4


def head(
    icons: Sequence[Sequence[Node]], fragments: Sequence[Sequence[bytes]], *, undefined: bool = False
) -> bytes:
    """A Data Set whose Icon Images are encapsulated; `icons` hold MARK as Pixel Data."""
    items = [list(icon) for icon in icons]
    tree = [
        Node(0x00080060, "CS", b"CT"),
        Node(0x00880200, "SQ", items, undefined),
        Node(0x20500020, "CS", b"IDENTITY"),
    ]
    if undefined:
        data = write(tree)
        for frames in fragments:
            data = data.replace(write([Node(0x7FE00010, "OB", MARK)]), encapsulated(frames), 1)
        return data
    # Lengths around the icon are recomputed by writing it as one opaque value.
    parts = []
    for icon, frames in zip(items, fragments, strict=True):
        content = write(icon).replace(write([Node(0x7FE00010, "OB", MARK)]), encapsulated(frames))
        parts.append(b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content)
    sequence = Node(0x00880200, "OB", b"".join(parts))
    return write([tree[0], sequence, tree[2]]).replace(b"\x88\x00\x00\x02OB", b"\x88\x00\x00\x02SQ")


def encapsulated(fragments: Sequence[bytes]) -> bytes:
    # As a string of Items; the delimiter is not part of pydicom's value.
    value = encapsulate(list(fragments), has_bot=False) if fragments else b"\xfe\xff\x00\xe0" + bytes(4)
    return b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + value + b"\xfe\xff\xdd\xe0\0\0\0\0"


def deflated(data: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = deflater.compress(data) + deflater.flush()
    return stream + b"\0" * (len(stream) & 1)


def native_head(icons: Sequence[Sequence[Node]], *, undefined: bool) -> bytes:
    return write(
        [
            Node(0x00080060, "CS", b"CT"),
            Node(0x00880200, "SQ", icons, undefined),
            Node(0x20500020, "CS", b"IDENTITY"),
        ]
    )


@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.sampled_from([1, 8, 16, 24]),
    st.booleans(),
    st.integers(1, 3),
    st.integers(0, 99),
)
def test_deflated_icons_become_native(  # noqa: PLR0917 - hypothesis gives them by position
    rows: int, columns: int, bits: int, undefined: bool, count: int, seed: int
) -> None:
    nbytes = -(-rows * columns * bits // 8)
    rng = np.random.default_rng(seed)
    values = [rng.integers(0, 256, nbytes, "u1").tobytes() for _ in range(count)]
    marked = [image(Node(0x7FE00010, "OB", MARK), rows, columns, bits)] * count
    source = head(marked, [[deflated(value)] for value in values], undefined=undefined)
    vr = "OW" if bits > 8 else "OB"
    expected = [
        image(Node(0x7FE00010, vr, value + b"\0" * (nbytes & 1)), rows, columns, bits) for value in values
    ]
    assert inflate_icons(source) == native_head(expected, undefined=undefined)


def test_an_icon_beside_a_native_one_and_deep_inside() -> None:
    value = bytes(range(64))
    native = image(Node(0x7FE00010, "OB", value), 8, 8, 8)
    source = native_head([native], undefined=False)
    assert inflate_icons(source) is source
    assert inflate_icons(b"\x08\0\x60\0CS\2\0CT") == b"\x08\0\x60\0CS\2\0CT"
    inner = head([image(Node(0x7FE00010, "OB", MARK), 8, 8, 8)], [[deflated(value)]])
    outer = b"\x40\0\x75\2SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" + inner
    outer += b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    assert inflate_icons(outer) == outer.replace(inner, source)


def test_foreign_icons_are_decoded_and_their_attributes_follow() -> None:
    with_jpeg = pydicom.dcmread(PYDICOM_FILES / "SC_rgb_dcmtk_+eb+cy+np.dcm")
    (frame,) = generate_frames(with_jpeg.PixelData, number_of_frames=1)
    marked = image(Node(0x7FE00010, "OB", MARK), 100, 100, 8, samples=3, photometric="YBR_FULL_422")
    expected = with_jpeg.pixel_array
    for undefined in (False, True):
        source = head([marked, marked], [[frame], [frame[:1000], frame[1000:]]], undefined=undefined)
        ds = read_dataset(io.BytesIO(decode_icons(source, JPEG)), is_implicit_VR=False, is_little_endian=True)
        assert ds.PresentationLUTShape == "IDENTITY"
        for icon in ds.IconImageSequence:
            assert icon.PhotometricInterpretation == "RGB"
            assert icon.PlanarConfiguration == 0
            assert not icon["PixelData"].is_undefined_length
            assert icon.PixelData == expected.tobytes()


@pytest.mark.parametrize("own", [None, 0, 1])
@pytest.mark.parametrize("outer", [None, 0, 1])
def test_what_is_us_or_ss_stays_in_place_where_attributes_change(own: int | None, outer: int | None) -> None:
    # Smallest Image Pixel Value of the icon has no VR: a Pixel Representation decides it, and it moves when
    # Photometric Interpretation becomes shorter.
    def signed(value: int | None) -> list[Node]:
        return [] if value is None else [us(0x00280103, value)]

    def tree(photometric: bytes, smallest: Node, pixel_data: Node) -> list[Node]:
        icon = [Node(0x00280004, "CS", photometric), *signed(own), smallest, pixel_data]
        return [*signed(outer), Node(0x00880200, "SQ", [icon], True), us(0x20500030, 7)]

    marked = Node(0x7FE00010, "OB", MARK)
    source = write(tree(b"YBR_FULL_422", Node(0x00280106, "SS", b"\xff\xff"), marked))
    source = source.replace(b"\x28\0\x06\1SS\2\0", b"\x28\0\x06\1\2\0\0\0")
    source = source.replace(write([marked]), encapsulated([b"ab"]))
    reader = ElementReader(source, implicit_vr=False, big_endian=False)
    native = NativeImage(b"OB", b"cd", {0x00280004: (b"CS", b"RGB")})
    nearest = own if own is not None else outer
    expected = tree(
        b"RGB ",
        Node(0x00280106, "SS" if nearest else "US", b"\xff\xff"),
        Node(0x7FE00010, "OB", b"cd"),
    )
    assert DataSetRewriter(reader, decode_image=lambda _image: native).rewrite() == write(expected)


def test_rle_icon() -> None:
    segment = bytes([257 - 64, 7]) + bytes([257 - 36, 9])
    header = np.array([1, 64] + [0] * 14, "<u4").tobytes()
    source = head([image(Node(0x7FE00010, "OB", MARK), 10, 10, 8)], [[header + segment]])
    expected = image(Node(0x7FE00010, "OB", b"\7" * 64 + b"\x09" * 36), 10, 10, 8)
    assert decode_icons(source, RLE) == native_head([expected], undefined=False)


def failing(icon: list[Node], fragments: list[bytes]) -> FrameDeflateError:
    with pytest.raises(FrameDeflateError) as caught:
        inflate_icons(head([icon], [fragments]), position=500)
    return caught.value


def test_icons_that_cannot_be_inflated_say_why() -> None:
    marked = image(Node(0x7FE00010, "OB", MARK), 8, 8, 8)
    assert isinstance(failing(marked, []), EncapsulationError)
    short = failing(marked, [deflated(bytes(63))])
    assert isinstance(short, FrameDecodeError)
    assert short.kind == "short-output"
    excess = failing(marked, [deflated(bytes(65))])
    assert isinstance(excess, FrameDecodeError)
    assert excess.kind == "excess-output"
    without_rows = failing([node for node in marked if node.tag != 0x00280010], [deflated(bytes(64))])
    assert isinstance(without_rows, UnsupportedImageError)
    assert without_rows.kind == "image-pixel"
    odd = failing(image(Node(0x7FE00010, "OB", MARK), 8, 8, 12), [deflated(bytes(64))])
    assert isinstance(odd, UnsupportedImageError)
    assert odd.kind == "image-pixel"
    twice = failing([*marked, marked[-1]], [deflated(bytes(64))])
    assert isinstance(twice, DicomFormatError)
    assert twice.position >= 500


def test_icons_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("framedeflate.foreign.icon_image.MAX_ICONS_NBYTES", 1 << 20)
    side = 512
    fragment = deflated(bytes(side * side))
    marked = image(Node(0x7FE00010, "OB", MARK), side, side, 8)
    count = (1 << 20) // (side * side)
    assert len(inflate_icons(head([marked] * count, [[fragment]] * count))) > 1 << 20
    with pytest.raises(UnsupportedImageError) as caught:
        inflate_icons(head([marked] * (count + 1), [[fragment]] * (count + 1)))
    assert caught.value.kind == "too-large"


@given(st.data())
def test_only_our_errors_leave(data: st.DataObject) -> None:
    marked = image(Node(0x7FE00010, "OB", MARK), 8, 8, 8)
    broken = bytearray(head([marked], [[deflated(bytes(range(64)))]], undefined=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 5))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    functions: list[Callable[[bytes], bytes]] = [inflate_icons, lambda source: decode_icons(source, RLE)]
    for function in functions:
        with suppress(FrameDeflateError):
            function(bytes(broken))
