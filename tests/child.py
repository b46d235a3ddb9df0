# SPDX-License-Identifier: Apache-2.0
"""A piece of Python in a process of its own, and the memory it needed beyond what its imports did."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

__all__ = ["SETUP", "ChildReport", "run_child"]

_HARNESS = """
import json, os, sys, time

def rss_nbytes(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))

def peak_nbytes():
    if os.path.exists("/proc/self/clear_refs"):
        return rss_nbytes("VmHWM:")
    import resource
    # Kibibytes, but bytes on macOS. It cannot be reset, so it may hide what lies under the peak of the imports.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

setup, body, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
names = {"arguments": arguments, "outcome": None}
exec(setup, names)
from framedeflate.errors import FrameDeflateError
try:
    with open("/proc/self/clear_refs", "w") as reset:
        reset.write("5")
except OSError:
    pass
before = peak_nbytes()
started = time.monotonic()
error = kind = ""
try:
    exec(body, names)
except (FrameDeflateError, OSError, MemoryError) as caught:
    error, kind = type(caught).__name__, str(getattr(caught, "kind", ""))
print(json.dumps({
    "peak_nbytes": peak_nbytes() - before,
    "seconds": time.monotonic() - started,
    "error": error,
    "kind": kind,
    "outcome": names["outcome"],
}))
"""

SETUP = """
import framedeflate.cli.main
from framedeflate import FrameReader, compress_file, decompress_file, verify_file
"""


@dataclass(frozen=True)
class ChildReport:
    """What a child did.

    Attributes
    ----------
    peak_nbytes : int
        Greatest resident memory while the body ran, less that after the imports.
    seconds : float
        How long the body ran.
    error, kind : str
        Class of the FrameDeflateError, OSError or MemoryError that ended it, and its kind; empty without one.
    outcome : Any
        What the body left in the name `outcome`.
    """

    peak_nbytes: int
    seconds: float
    error: str
    kind: str
    outcome: Any


def run_child(
    body: str, *arguments: object, setup: str = SETUP, timeout_seconds: float = 3600
) -> ChildReport:
    """Run `setup`, then `body`, with `arguments` (as text) in the list of that name; any other exception fails."""
    command = [sys.executable, "-c", _HARNESS, setup, body, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_seconds)
    assert done.returncode == 0, done.stderr[-2000:]
    return ChildReport(**json.loads(done.stdout.splitlines()[-1]))
