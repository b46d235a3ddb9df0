# SPDX-License-Identifier: Apache-2.0
"""A path's route and UIDs, for logs and metrics: so few different names that a stranger cannot fill either."""

import re
from typing import Final

from framedeflate.instance_store.check import is_uid

__all__ = ["FRAME_ROUTE", "OTHER", "ROUTE_KEY", "route_name"]

OTHER: Final = "other"
FRAME_ROUTE: Final = "/studies/{study}/series/{series}/instances/{instance}/frames/{frames}"
"""Of a Frame, below the service's root."""

ROUTE_KEY: Final = "framedeflate.route"
"""Where in a request's scope an application leaves what `route_name` would return, if it took the path apart anyway."""

_KEYS: Final = ("study", "series", "instance")
_LEVELS: Final = ("studies", "series", "instances")
_SEARCHES: Final = frozenset({"/studies", "/series", "/instances"})
_TAILS: Final = frozenset(
    {"", "metadata", "rendered", "thumbnail", "bulkdata", "pixeldata", "series", "instances"}
)
_FRAME_TAILS: Final = frozenset({"", "rendered", "thumbnail"})
_UID: Final = "[0-9.]{1,64}"
"""What a log can hold; whether it is a UID is for others to say."""

_FRAME: Final = re.compile(
    f"(/[a-z]+)/studies/(?P<study>{_UID})/series/(?P<series>{_UID})"
    f"/instances/(?P<instance>{_UID})/frames/(?P<frames>[0-9]{{1,9}})"
)
_OPEN: Final = frozenset({"/", "/healthz", "/metrics"})


def route_name(path: str, root: str = "/dicomweb") -> tuple[str, dict[str, str]]:
    """Return the route as a template, and the UIDs and Frame numbers in the path.

    Parameters
    ----------
    path : str
        As it was asked for.
    root : str
        Where the service begins.
    """
    frame = _FRAME.fullmatch(path)
    if frame is not None and frame[1] == root:
        # Most requests are for a Frame, and each takes as little time as this.
        return root + FRAME_ROUTE, frame.groupdict()
    if not f"{path}/".startswith(f"{root}/"):
        return (path if path in _OPEN else "/{file}"), {}
    parts = path[len(root) :].split("/")
    found: dict[str, str] = {}
    template = root
    depth = 0
    while depth < 3 and len(parts) > 2 * depth + 2 and parts[2 * depth + 1] == _LEVELS[depth]:
        uid = parts[2 * depth + 2]
        if not is_uid(uid):
            return OTHER, {}
        found[_KEYS[depth]] = uid
        template += f"/{_LEVELS[depth]}/{{{_KEYS[depth]}}}"
        depth += 1
    rest = parts[2 * depth + 1 :]
    if not rest or rest == [""]:
        return template, found
    if not depth:
        search = "/" + rest[0]
        return (root + search, found) if len(rest) == 1 and search in _SEARCHES else (OTHER, {})
    return _below(template, rest, found)


def _below(template: str, rest: list[str], found: dict[str, str]) -> tuple[str, dict[str, str]]:
    if rest[0] == "frames" and 2 <= len(rest) <= 3:
        tail = rest[2] if len(rest) == 3 else ""
        numbers = rest[1]
        if tail not in _FRAME_TAILS or not numbers.replace(",", "").isdigit() or not numbers.isascii():
            return OTHER, {}
        found["frames"] = numbers if len(numbers) <= 64 else numbers[:61] + "..."
        return f"{template}/frames/{{frames}}" + (f"/{tail}" if tail else ""), found
    if rest[0] == "bulkdata" and len(rest) > 1:
        return template + "/bulkdata/{path}", found
    if len(rest) == 1 and rest[0] in _TAILS:
        return f"{template}/{rest[0]}", found
    return OTHER, {}
