# SPDX-License-Identifier: Apache-2.0
"""The parameters of a request for a rendered resource (PS3.18 8.3.5)."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from framedeflate.web.refusal import Refusal

__all__ = [
    "RENDERED_TYPES",
    "RenderingParameters",
    "Viewport",
    "Window",
    "WindowFunction",
    "parse_parameters",
]

WindowFunction = Literal["linear", "linear-exact", "sigmoid"]

RENDERED_TYPES: Final = ("image/jpeg", "image/png", "image/gif")
"""What Table 8.7.4-1 requires of one Frame; the first is the default."""

MAX_SIDE: Final = 8192
MAX_PIXELS: Final = 1 << 24
"""16 million: more than a screen has, 48 MB in colour."""

DEFAULT_QUALITY: Final = 90
THUMBNAIL_SIDE: Final = 128

_WHOLE: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_DECIMAL: Final = re.compile(
    r"[+-]?([0-9]{1,15}\.?[0-9]{0,15}|\.[0-9]{1,15})([eE][+-]?[0-9]{1,3})?", re.ASCII
)
_ANNOTATIONS: Final = ("patient", "technique")
_PROFILES: Final = ("yes", "srgb", "adobergb", "rommrgb")


@dataclass(frozen=True, slots=True)
class Window:
    """A VOI window (PS3.3 C.11.2), in the units that the Modality LUT gives."""

    center: float
    width: float
    function: WindowFunction = "linear"


@dataclass(frozen=True, slots=True)
class Viewport:
    """How large the picture may be, and which part of the image it shows (8.3.5.1.3).

    Attributes
    ----------
    columns, rows : int
        Of the viewport; the part shown fills it as far as its aspect ratio allows.
    left, top : float
        First pixel of the part, 0 where it is the image's.
    width, height : float or None
        Of the part, negative where it is to be flipped; None up to the end of the image.
    """

    columns: int
    rows: int
    left: float = 0.0
    top: float = 0.0
    width: float | None = None
    height: float | None = None


@dataclass(frozen=True, slots=True)
class RenderingParameters:
    """What a request says about the picture.

    Attributes
    ----------
    window : Window or None
        None takes that of the image.
    viewport : Viewport or None
        None shows each pixel as one.
    quality : int
        1 to 100, of image/jpeg.
    warnings : tuple of str
        What was asked for and is not done, for the Warning header.
    """

    window: Window | None = None
    viewport: Viewport | None = None
    quality: int = DEFAULT_QUALITY
    warnings: tuple[str, ...] = ()


def parse_parameters(
    query: Sequence[tuple[str, str]], *, thumbnail: bool = False
) -> RenderingParameters | Refusal:
    """Read the query parameters; unknown ones are left out.

    Parameters
    ----------
    query : sequence of (str, str)
        Names and values, percent-decoded.
    thumbnail : bool
        Whether it is for a thumbnail, of which only the size of its viewport can be chosen, 128 by 128 by default.

    Returns
    -------
    RenderingParameters or Refusal
        400 where a value is none that the parameter has, or a parameter is there twice.
    """
    values: dict[str, str] = {}
    for name, value in query:
        if name in values and name in {"window", "viewport", "quality", "annotation", "iccprofile"}:
            return _refusal(f"the parameter {name} is there twice")
        values[name] = value
    try:
        viewport = _viewport(values["viewport"], whole=thumbnail) if "viewport" in values else None
        if thumbnail:
            return RenderingParameters(viewport=viewport or Viewport(THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        return RenderingParameters(
            window=_window(values["window"]) if "window" in values else None,
            viewport=viewport,
            quality=_quality(values["quality"]) if "quality" in values else DEFAULT_QUALITY,
            warnings=(*_annotation(values.get("annotation")), *_profile(values.get("iccprofile"))),
        )
    except ValueError as error:
        return _refusal(str(error))


def _refusal(what: str) -> Refusal:
    return Refusal(400, "parameter", f"{what[0].upper()}{what[1:]} (PS3.18 8.3.5).")


def _window(text: str) -> Window:
    message = "window is center,width,function, the function linear, linear-exact or sigmoid"
    parts = text.split(",")
    if len(parts) != 3 or parts[2] not in get_args(WindowFunction):
        raise ValueError(message)
    center, width = _decimal(parts[0], message), _decimal(parts[1], message)
    function: WindowFunction = parts[2]  # type: ignore[assignment]
    # PS3.3 C.11.2.1.2.1, C.11.2.1.3: linear needs a width of 1 at least, the others one above 0.
    if width <= 0 or (function == "linear" and width < 1):
        raise ValueError("the width of a window is above 0, and 1 at least where it is linear")
    return Window(center, width, function)


def _viewport(text: str, *, whole: bool) -> Viewport:
    message = "viewport is columns,rows, or columns,rows,left,top,width,height"
    parts = text.split(",")
    if len(parts) not in ({2} if whole else {2, 6}) or not all(map(_WHOLE.fullmatch, parts[:2])):
        raise ValueError("a thumbnail's viewport is columns,rows" if whole else message)
    columns, rows = int(parts[0]), int(parts[1])
    if not (0 < columns <= MAX_SIDE and 0 < rows <= MAX_SIDE and columns * rows <= MAX_PIXELS):
        raise ValueError(f"a viewport has 1 to {MAX_SIDE} columns and rows, and {MAX_PIXELS} pixels at most")
    region = [_decimal(part, message) if part else None for part in parts[2:]] or [None] * 4
    left, top, width, height = region
    if width == 0 or height == 0:
        raise ValueError("the part of an image that is shown is not empty")
    return Viewport(columns, rows, left or 0.0, top or 0.0, width, height)


def _quality(text: str) -> int:
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= 100:
        raise ValueError("quality is a whole number from 1 to 100")
    return int(text)


def _annotation(text: str | None) -> Sequence[str]:
    if text is None:
        return ()
    if any(one not in _ANNOTATIONS for one in text.split(",")):
        raise ValueError("annotation is patient, technique, or both with a comma between")
    return ("annotation is not supported",)


def _profile(text: str | None) -> Sequence[str]:
    if text is None or text == "no":
        return ()
    if text not in _PROFILES:
        raise ValueError("iccprofile is no, yes, srgb, adobergb or rommrgb")
    return ("iccprofile is not supported",)


def _decimal(text: str, message: str) -> float:
    if not _DECIMAL.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueError(message)
    return float(text)
