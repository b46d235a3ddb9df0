# SPDX-License-Identifier: Apache-2.0
"""Requests for one Frame after the other, over so many connections: by wrk, or by threads of this process."""

import http.client
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from interleave import WrongResultError

__all__ = ["CONNECTIONS", "Load", "load_by_threads", "load_by_wrk"]

CONNECTIONS: Final = 32
_UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
_SCRIPT: Final = """
local number = 0
local path = "{path}"
{fields}
request = function()
  number = number % {count} + 1
  return wrk.format("GET", path .. number)
end
"""


@dataclass(frozen=True)
class Load:
    """What came of a run.

    Attributes
    ----------
    count : int
        Requests answered.
    requests_a_second : float
    p99_seconds : float
        99 of 100 requests took no longer.
    """

    count: int
    requests_a_second: float
    p99_seconds: float


def load_by_wrk(url: str, count: int, fields: Mapping[str, str], folder: Path, seconds: int) -> Load:
    """Ask for ``url`` + 1 to `count` in turn."""
    parts = urlsplit(url)
    lines = "\n".join(f"wrk.headers[{name!r}] = {value!r}" for name, value in fields.items())
    script = folder / "frames.lua"
    path = url.removeprefix(f"{parts.scheme}://{parts.netloc}")
    script.write_text(_SCRIPT.format(path=path, fields=lines, count=count), encoding="ascii")
    command = [
        shutil.which("wrk") or "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "--timeout",
        "30s",
        "--latency",
    ]
    done = subprocess.run(
        [*command, "-s", str(script), f"{parts.scheme}://{parts.netloc}/"],
        capture_output=True,
        text=True,
        check=True,
    )
    if re.search(r"Non-2xx|Socket errors", done.stdout):
        raise WrongResultError(f"{url}: {done.stdout}")
    speed = re.search(r"Requests/sec:\s*([0-9.]+)", done.stdout)
    tail = re.search(r"99%\s*([0-9.]+)(us|ms|s|m)", done.stdout)
    count_found = re.search(r"([0-9]+) requests in", done.stdout)
    if speed is None or tail is None or count_found is None:
        raise RuntimeError(f"wrk said: {done.stdout}")
    return Load(int(count_found[1]), float(speed[1]), float(tail[1]) * _UNITS[tail[2]])


def load_by_threads(url: str, count: int, fields: Mapping[str, str], requests: int) -> Load:
    """As `load_by_wrk`, a few requests from two connections: to see that it still runs."""
    parts = urlsplit(url)
    path = url.removeprefix(f"{parts.scheme}://{parts.netloc}")
    took: list[float] = []
    failed: list[int] = []

    def ask() -> None:
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        for number in range(requests):
            started = time.perf_counter()
            connection.request("GET", f"{path}{number % count + 1}", headers=dict(fields))
            answer = connection.getresponse()
            answer.read()
            took.append(time.perf_counter() - started)
            if answer.status != 200:
                failed.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed or len(took) != 2 * requests:
        raise WrongResultError(f"{url}: {failed[:3]}")
    seconds = time.perf_counter() - started
    return Load(len(took), len(took) / seconds, sorted(took)[len(took) * 99 // 100])
