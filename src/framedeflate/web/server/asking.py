# SPDX-License-Identifier: Apache-2.0
"""What a request asks of the answer's form, taken from its header and its query."""

import re
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

from starlette.requests import Request

from framedeflate.web.negotiation import Abilities, Asked
from framedeflate.web.rendering.parameters import RENDERED_TYPES
from framedeflate.web.server.answers import RequestError
from framedeflate.web.server.settings import ServerSettings

__all__ = ["abilities_of", "asked_of", "frame_numbers"]

_FRAME_LIST: Final = re.compile(r"[0-9]{1,10}(,[0-9]{1,10})*")


def asked_of(request: Request) -> Asked:
    """Return what negotiation looks at; fields that stand several times are joined (RFC 9110 5.3)."""
    headers = request.headers
    accept = headers.getlist("accept")
    coding = headers.getlist("accept-encoding")
    return Asked(
        accept=", ".join(accept) if accept else None,
        accept_parameter=_accept_parameter(request.scope["query_string"]),
        accept_encoding=", ".join(coding) if coding else None,
    )


def _accept_parameter(query: bytes) -> str | None:
    if not query:
        return None
    # Not as an HTML form's: "+" is a character of media types.
    pairs = (pair.partition("=") for pair in query.decode("latin-1").split("&"))
    found = [unquote(value, "latin-1") for name, _, value in pairs if name == "accept"]
    return ", ".join(found) if found else None


def abilities_of(settings: ServerSettings) -> Abilities:
    """Return what this server can make."""
    return Abilities(rendered=RENDERED_TYPES, metadata_xml=True, absent_accept=settings.absent_accept)


def frame_numbers(text: str, *, number_of_frames: int, max_frames: int) -> tuple[int, ...]:
    """Read a list of frame numbers (PS3.18 10.4.1.1.4, 5.1.3).

    Parameters
    ----------
    text : str
        As the path has it, percent-decoded.
    number_of_frames : int
        Of the instance.
    max_frames : int
        How many may be asked for at once.

    Raises
    ------
    RequestError
        400 ``frame-list``: not numbers from 1, ascending, separated by commas; ``too-many-frames``; 404
        ``unknown-frame``.
    """
    if not _FRAME_LIST.fullmatch(text):
        raise RequestError(400, "frame-list", "Frames are listed as numbers from 1, separated by commas.")
    if text.count(",") >= max_frames:
        raise RequestError(400, "too-many-frames", f"At most {max_frames} frames can be asked for at once.")
    numbers = tuple(map(int, text.split(",")))
    if numbers[0] < 1 or any(one >= two for one, two in pairwise(numbers)):
        raise RequestError(400, "frame-list", "Frame numbers begin at 1 and ascend, each once.")
    if numbers[-1] > number_of_frames:
        raise RequestError(404, "unknown-frame", f"The instance has {number_of_frames} frames.")
    return numbers
