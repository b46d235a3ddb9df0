# SPDX-License-Identifier: Apache-2.0
"""The viewer's pure modules in a real browser, each beside a judge: Pillow's colour management, numpy, pydicom."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from viewer_browser import Tab, chromium, tab, viewer_server

EXACT = 0x0100
"""Little CMS's cmsFLAGS_NOOPTIMIZE: no table of a few colours with what lies between them guessed."""


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    store: Path = tmp_path_factory.mktemp("store")
    with viewer_server(store) as base_url, chromium() as browser, tab(browser, base_url) as opened:
        opened.open()
        opened.problems.clear()
        yield opened


def call(viewer: Tab, module: str, body: str, argument: Any = None) -> Any:
    """Run a function's body with the module as `m` and the argument as `a`."""
    return viewer.page.evaluate(
        f"async (a) => {{ const m = await import('/{module}.js'); {body} }}", argument
    )


def test_lab_colours_are_those_of_colour_management(viewer: Tab) -> None:
    rng = np.random.default_rng(3)
    # Inside sRGB: what is beyond is cut off here, and mapped otherwise there.
    labs = rng.integers([80, 105, 105], [200, 151, 151], (300, 3)).astype(np.uint8)
    image_cms = pytest.importorskip("PIL.ImageCms")
    image = pytest.importorskip("PIL.Image")
    profiles = image_cms.createProfile("LAB"), image_cms.createProfile("sRGB")  # relative to D50
    to_rgb = image_cms.buildTransform(*profiles, "LAB", "RGB", renderingIntent=1, flags=EXACT)
    # Pillow's buffers have a* and b* with the sign bit turned.
    picture = image.fromarray((labs ^ np.array([0, 128, 128], np.uint8))[None], "LAB")
    expected = np.asarray(image_cms.applyTransform(picture, to_rgb))[0].astype(int)
    shorts = (labs.astype(int) * 257).tolist()
    found = np.array(call(viewer, "colours", "return a.map((one) => m.labToRgb(m.labOfShorts(one)))", shorts))
    inside = ((expected > 2) & (expected < 253)).all(axis=1)
    assert inside.sum() > 200
    assert np.abs(found[inside] - expected[inside]).max() <= 2  # Pillow's Lab has 8 bits
    # And the browser's own lab(), to the last bit.
    css = call(
        viewer,
        "colours",
        """const canvas = new OffscreenCanvas(1, 1);
        const context = canvas.getContext('2d', { willReadFrequently: true });
        return a.map((one) => {
          const [l, x, y] = m.labOfShorts(one);
          context.fillStyle = `lab(${l} ${x} ${y})`;
          context.fillRect(0, 0, 1, 1);
          return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
        })""",
        shorts,
    )
    assert np.abs(found[inside] - np.array(css)[inside]).max() <= 1


def test_bits_are_unpacked_as_numpy_does(viewer: Tab) -> None:
    rng = np.random.default_rng(4)
    packed = rng.integers(0, 256, 41).astype(np.uint8)
    for count in (0, 1, 7, 8, 9, 327):
        found = call(
            viewer,
            "image_pixel",
            "return [...m.unpackBits(Uint8Array.from(a[0]), a[1])]",
            [packed.tolist(), count],
        )
        assert found == np.unpackbits(packed, bitorder="little")[:count].tolist()


@pytest.mark.parametrize(
    ("allocated", "stored", "high", "signed"),
    [
        (8, 8, 7, 0),
        (8, 8, 7, 1),
        (16, 12, 11, 0),
        (16, 12, 11, 1),
        (16, 12, 15, 1),
        (16, 16, 15, 1),
        (32, 32, 31, 1),
    ],
)
def test_values_have_their_sign_and_no_stray_bits(
    viewer: Tab, allocated: int, stored: int, high: int, signed: int
) -> None:
    raw = np.random.default_rng(5).integers(0, 1 << allocated, 50, dtype=np.uint64)
    shift = high + 1 - stored
    expected = [(int(one) >> shift) % (1 << stored) for one in raw]
    if signed:
        expected = [one - (1 << stored) if one >> (stored - 1) else one for one in expected]
    pixel = {
        "rows": 5, "columns": 10, "samples": 1, "bitsAllocated": allocated, "bitsStored": stored,
        "highBit": high, "signed": bool(signed), "float": False,
    }  # fmt: skip
    octets = raw.astype(f"<u{allocated // 8}").tobytes()
    # From a place that no typed array may begin at.
    body = "const all = Uint8Array.from([9, ...a[0]]); return [...m.valuesOf(all.subarray(1), a[1])]"
    assert call(viewer, "image_pixel", body, [list(octets), pixel]) == expected


@pytest.mark.parametrize("shape", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(40.0, 400.0), (-600, 1500), (0.5, 1.5), (127, 256)])
def test_windows_are_those_of_pydicom(viewer: Tab, shape: str, center: float, width: float) -> None:
    from pydicom.pixels.processing import apply_windowing

    values = np.linspace(-1200, 1200, 481)
    dataset = pydicom.Dataset()
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
    dataset.BitsStored = dataset.BitsAllocated = 8
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = center, width, shape
    with np.errstate(over="ignore"):
        expected = apply_windowing(values, dataset)
    window = {"center": center, "width": width, "shape": shape}
    body = "return a[0].map(m.windowFunction(a[1]))"
    assert np.allclose(call(viewer, "image_pixel", body, [values.tolist(), window]), expected, atol=1e-6)


def test_planes_are_mapped_as_their_geometry_says(viewer: Tab) -> None:
    rng = np.random.default_rng(8)
    for _ in range(5):
        first, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        turn = rng.uniform(0, 6)
        across = first[:, 0] * np.cos(turn) + first[:, 1] * np.sin(turn)
        down = -first[:, 0] * np.sin(turn) + first[:, 1] * np.cos(turn)
        one: dict[str, Any] = {
            "position": rng.normal(size=3),
            "spacing": [0.7, 1.3],
            "orientation": [*first[:, 0], *first[:, 1]],
        }
        other: dict[str, Any] = {
            "position": rng.normal(size=3),
            "spacing": [1.1, 0.4],
            "orientation": [*across, *down],
        }
        send = [{key: [float(x) for x in value] for key, value in plane.items()} for plane in (one, other)]
        a, b, c, d, e, f = call(viewer, "geometry", "return m.planeToPlane(a[0], a[1])", send)
        column, row = 5.0, -3.0
        point = one["position"] + first[:, 0] * column * 1.3 + first[:, 1] * row * 0.7
        # In the other plane's own axes, its normal left out.
        matrix = np.stack([across * 0.4, down * 1.1, first[:, 2]], axis=1)
        expected = np.linalg.solve(matrix, point - other["position"])[:2]
        assert np.allclose([a * column + b * row + c, d * column + e * row + f], expected)


def test_tiles_in_order_lie_where_plain_loops_put_them(viewer: Tab) -> None:
    matrix = {"columns": 27, "rows": 20, "tileColumns": 10, "tileRows": 8, "focalPlanes": 2}
    expected = [
        [left, top, plane, 0, segment]
        for segment in (4, 7)
        for plane in range(2)
        for top in (0, 8, 16)
        for left in (0, 10, 20)
    ]
    body = """const places = m.tiledFull(a[0], 36, [4, 7]);
    const names = ['left', 'top', 'plane', 'path', 'segment'];
    return Array.from({ length: 36 }, (_, at) => names.map((name) => places[name][at]))"""
    assert call(viewer, "tiles", body, [matrix]) == expected


def test_a_view_finds_the_tiles_it_touches_and_no_others(viewer: Tab) -> None:
    rng = np.random.default_rng(9)
    left, top = rng.integers(0, 900, 300), rng.integers(0, 700, 300)
    for _ in range(20):
        x, y = rng.integers(0, 800, 2)
        width, height = rng.integers(1, 300, 2)
        area = {"left": int(x), "top": int(y), "right": int(x + width), "bottom": int(y + height)}
        expected = [
            index
            for index in range(300)
            if left[index] < x + width
            and left[index] + 64 > x
            and top[index] < y + height
            and top[index] + 48 > y
        ]
        body = "return new m.TileIndex(a[0], a[1], { tileColumns: 64, tileRows: 48 }).within(a[2])"
        assert sorted(call(viewer, "tiles", body, [left.tolist(), top.tolist(), area])) == expected


def test_zooming_keeps_the_point_under_the_pointer(viewer: Tab) -> None:
    body = """const view = new m.View({ columns: 4000, rows: 3000 });
    view.size = { width: 800, height: 600 };
    view.fit();
    const under = () => [view.rectangle.left + 200 / view.scale, view.rectangle.top + 450 / view.scale];
    const before = under();
    view.zoomAt(3, 200, 450);
    return [view.scale, before, under()]"""
    scale, before, after = call(viewer, "tiles", body)
    assert scale == pytest.approx(0.6)
    assert before == pytest.approx(after)


def test_names_dates_and_addresses(viewer: Tab) -> None:
    names = [
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"},
        {"Alphabetic": "Adams^John Robert^Quincy^Rev.^B.A. M.Div."},
        {"Ideographic": "洪^吉洞"},
        "Wang^XiaoDong=王^小東",
        {},
    ]
    found = call(viewer, "dicom_json", "return a.map((one) => Object.values(m.personName(one)))", names)
    assert found == [
        ["Yamada, Tarou", "山田 太郎", "やまだ たろう"],
        ["Adams, John Robert Quincy, Rev., B.A. M.Div.", "", ""],
        ["", "洪 吉洞", ""],
        ["Wang, XiaoDong", "王 小東", ""],
        ["", "", ""],
    ]
    dates = call(viewer, "dicom_json", "return a.map(m.date)", ["20261130", "2026.11.30", "odd", ""])
    assert dates == ["2026-11-30", "2026-11-30", "odd", ""]
    route = {
        "study": "1.2",
        "series": "3.4",
        "instance": "5.6",
        "stack": False,
        "query": {"view": "grid", "frame": "7"},
    }
    body = "const text = m.routeHash(a); return [text, m.parseRoute(text)]"
    text, parsed = call(viewer, "routes", body, route)
    assert text == "#/studies/1.2/series/3.4/instances/5.6?view=grid&frame=7"
    assert parsed == route


def test_what_was_used_last_stays(viewer: Tab) -> None:
    body = """const dropped = [];
    const kept = new m.Lru(30, (value) => dropped.push(value));
    for (const name of ['a', 'b', 'c']) kept.set(name, name, 10);
    kept.get('a');
    kept.set('d', 'd', 10);
    kept.set('e', 'e', 25);
    return [dropped, kept.size, kept.bytes]"""
    assert call(viewer, "lru", body) == [["b", "c", "a", "d"], 1, 25]
