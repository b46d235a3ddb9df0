# SPDX-License-Identifier: Apache-2.0
"""Builds the native tests for each machine and holds what they print side by side: ``python tests/native/machines.py``.

This processor, the same without SIMD and under the sanitizers, and, with Debian's cross compilers and qemu-user, an
AArch64 (NEON) and an s390x (big endian). Every one must print the same digests.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "machines"


class Machine(NamedTuple):
    """How to build for a machine, and what runs its programs."""

    options: tuple[str, ...] = ()
    runner: str = ""


def _foreign(name: str) -> Machine:
    options = (
        "-DCMAKE_SYSTEM_NAME=Linux",
        f"-DCMAKE_SYSTEM_PROCESSOR={name}",
        f"-DCMAKE_CXX_COMPILER={name}-linux-gnu-g++",
        "-DCMAKE_EXE_LINKER_FLAGS=-static",
    )
    return Machine(options, f"qemu-{name}")


MACHINES = {
    "here": Machine(),
    "portable": Machine(("-DFRAMEDEFLATE_PORTABLE=ON",)),
    "sanitized": Machine(("-DFRAMEDEFLATE_SANITIZE=ON",)),
    "aarch64": _foreign("aarch64"),
    "s390x": _foreign("s390x"),
}


def digests(name: str, machine: Machine) -> str:
    """Build for a machine, run the tests there, and return what they print."""
    folder = BUILD / name
    configure = ["cmake", "-S", str(ROOT), "-B", str(folder), "-G", "Ninja", "-DFRAMEDEFLATE_NATIVE_TESTS=ON"]
    subprocess.run([*configure, *machine.options], check=True, stdout=subprocess.PIPE)
    subprocess.run(["cmake", "--build", str(folder)], check=True, stdout=subprocess.PIPE)
    program = str(folder / "tests" / "native" / "native_tests")
    command = [machine.runner, program] if machine.runner else [program]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> int:
    """Run all machines; 1 where a tool is missing, a test fails, or digests differ."""
    needed = {"cmake", "ninja"} | {machine.runner for machine in MACHINES.values() if machine.runner}
    if missing := sorted(tool for tool in needed if shutil.which(tool) is None):
        print(f"missing: {', '.join(missing)}. On Debian: {INSTALL}", file=sys.stderr)
        return 1
    expected = digests("here", MACHINES["here"])
    print(expected, end="")
    failed = False
    for name, machine in MACHINES.items():
        found = expected if name == "here" else digests(name, machine)
        print(f"{name:<12}", "the same" if found == expected else "OTHER DIGESTS:\n" + found, flush=True)
        failed |= found != expected
    return int(failed)


INSTALL = "apt-get install qemu-user g++-aarch64-linux-gnu g++-s390x-linux-gnu"

if __name__ == "__main__":
    sys.exit(main())
