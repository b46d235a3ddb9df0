# SPDX-License-Identifier: Apache-2.0
"""The speed/size curve as a picture: mean size over mean speed of the single-bit sets, a point a coder.

Written as SVG by hand, so that the picture is text, is the same wherever it is drawn, and needs no plotting package.
"""

import math
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any, Final

from framedeflate import DEFAULT_LEVEL
from ratios import geometric_mean
from rivals import ONE_BY_ONE, OURS, REFERENCE
from tables import figure, to_reference

__all__ = ["Point", "points", "svg"]

_WIDTH, _HEIGHT = 860, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 30, 40, 60
_OURS, _RIVAL, _INK, _GRID = "#c2410c", "#1d4ed8", "#222", "#ddd"
_LABEL_HEIGHT: Final = 15
_LETTER_WIDTH: Final = 7


@dataclass(frozen=True)
class Point:
    """Size and speed of a coder to zlib 6."""

    name: str
    size: float
    speed: float
    is_ours: bool
    is_of_few: bool = False  # of the Frames, too slow for all


def points(figures: dict[str, Any]) -> list[Point]:
    """Return a point for each coder that was run on every single-bit set, or on a few Frames of each."""
    bits = [one["name"] for one in figures["sets"] if one["kind"] == "1-bit" and not one["is_cut"]]
    own = {OURS.format(level) for level in range(1, 10)}
    found: list[Point] = []
    for is_of_few, table in ((False, figures["all"]), (True, figures["few"])):
        cells = [table.get(name, {}) for name in bits]
        for coder in cells[0] if cells else ():
            ratios = [ratio for one in cells if (ratio := to_reference(one, coder))]
            known = {one.name for one in found} | {ONE_BY_ONE.format(DEFAULT_LEVEL)}
            if len(ratios) == len(cells) and coder not in known:
                sizes, speeds = zip(*ratios, strict=True)
                mean = geometric_mean(sizes), geometric_mean(speeds)
                found.append(Point(coder, *mean, coder in own, is_of_few))
    return found


def svg(coders: list[Point]) -> str:
    """Return the picture: speed to the right, on a logarithmic scale, and size upwards."""
    scale = _Scale.around(coders)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        *_axes(scale),
    ]
    for members in _families(coders):
        line = " ".join(f"{scale.x(one.speed):.1f},{scale.y(one.size):.1f}" for one in members)
        style = f'stroke="{_OURS}"' if members[0].is_ours else f'stroke="{_RIVAL}" stroke-dasharray="2 4"'
        parts.append(f'<polyline points="{line}" fill="none" {style} stroke-width="1.5"/>')
    for one in coders:
        colour = _OURS if one.is_ours else _RIVAL
        parts.append(
            f'<circle cx="{scale.x(one.speed):.1f}" cy="{scale.y(one.size):.1f}" r="4" '
            f'fill="{"#fff" if one.is_of_few else colour}" stroke="{colour}">'
            f"<title>{escape(one.name)}: size {one.size:.3f}, speed {figure(one.speed)}</title></circle>"
        )
    parts += _labels(coders, scale)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _families(coders: list[Point]) -> list[list[Point]]:
    """Return the coders that have several levels, by level: a line joins each."""
    found: dict[str, list[Point]] = {}
    for one in coders:
        found.setdefault(one.name.split()[0], []).append(one)
    return [
        sorted(members, key=lambda one: int(one.name.split()[1]))
        for members in found.values()
        if len(members) > 1
    ]


@dataclass(frozen=True)
class _Scale:
    low_speed: float
    high_speed: float
    low_size: float
    high_size: float

    @classmethod
    def around(cls, coders: list[Point]) -> "_Scale":
        speeds = [one.speed for one in coders]
        sizes = [one.size for one in coders]
        return cls(
            min(speeds) / 1.5,
            max(speeds) * 2.2,
            math.floor(min(sizes) * 20 - 0.3) / 20,
            math.ceil(max(sizes) * 20 + 0.3) / 20,
        )

    def x(self, speed: float) -> float:
        part = math.log(speed / self.low_speed) / math.log(self.high_speed / self.low_speed)
        return _LEFT + part * (_WIDTH - _LEFT - _RIGHT)

    def y(self, size: float) -> float:
        part = (size - self.low_size) / (self.high_size - self.low_size)
        return _HEIGHT - _BOTTOM - part * (_HEIGHT - _TOP - _BOTTOM)


def _axes(scale: _Scale) -> list[str]:
    parts = []
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for exponent in range(math.floor(math.log10(scale.low_speed)), math.ceil(math.log10(scale.high_speed))):
        for step in (1, 2, 5):
            speed = step * 10.0**exponent
            if scale.low_speed <= speed <= scale.high_speed:
                x = f"{scale.x(speed):.1f}"
                parts.append(f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{bottom}" stroke="{_GRID}"/>')
                parts.append(_text(x, bottom + 18, f"{speed:g}", anchor="middle"))
    for twentieth in range(round(scale.low_size * 20), round(scale.high_size * 20) + 1):
        y = scale.y(twentieth / 20)
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="{_GRID}"/>')
        parts.append(_text(_LEFT - 8, y + 4, f"{twentieth / 20:.2f}", anchor="end"))
    middle = (_LEFT + right) / 2
    parts.append(
        _text(middle, _HEIGHT - 18, f"speed, {REFERENCE} is 1 (further right is faster)", anchor="middle")
    )
    parts.append(_text(_LEFT, _TOP - 16, f"size, {REFERENCE} is 1 (lower is smaller)"))
    return parts


_PLACES: Final = (
    (0, -22),
    (0, 7),
    (8, -8),
    (8, 2),
    (-8, -18),
    (8, -18),
    (-8, 2),
    (-8, -8),
    (0, 22),
    (0, -38),
)
"""Where a name may stand beside its point, the best first."""


def _labels(coders: list[Point], scale: _Scale) -> list[str]:
    """Write each name at the first place where it covers no point, no line and no other name."""
    taken = [(scale.x(one.speed) - 5, scale.y(one.size) - 5, 10.0, 10.0) for one in coders]
    for members in _families(coders):
        for one, other in pairwise(members):
            for part in range(1, 20):
                x = scale.x(one.speed) + part / 20 * (scale.x(other.speed) - scale.x(one.speed))
                y = scale.y(one.size) + part / 20 * (scale.y(other.size) - scale.y(one.size))
                taken.append((x - 2, y - 2, 4.0, 4.0))
    parts = []
    for one in coders:
        x, y, width = scale.x(one.speed), scale.y(one.size), len(one.name) * _LETTER_WIDTH
        boxes = []
        for dx, dy in _PLACES:
            left = x + dx - (width / 2 if dx == 0 else width if dx < 0 else 0)
            boxes.append((left, y + dy, float(width), float(_LABEL_HEIGHT)))
        box = next((box for box in boxes if not any(_overlap(box, other) for other in taken)), boxes[0])
        taken.append(box)
        colour = _OURS if one.is_ours else _RIVAL
        parts.append(_text(f"{box[0]:.1f}", box[1] + 12, one.name, colour=colour))
    return parts


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return (
        one[0] < other[0] + other[2]
        and other[0] < one[0] + one[2]
        and one[1] < other[1] + other[3]
        and other[1] < one[1] + one[3]
    )


def _text(x: float | str, y: float, text: str, *, anchor: str = "start", colour: str = _INK) -> str:
    return f'<text x="{x}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
