# SPDX-License-Identifier: Apache-2.0
"""Build the sdist and this machine's wheel, install each where no compiler is, and run the tests against them.

`make wheels` runs it; TESTS names a part of the suite. Both come to lie in dist/; the rest is in build/wheels.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Final

from clean_rooms import CleanRoom, StepFailedError, unpack_without_src, without_compilers
from distributions import NATIVE, Tools, build_sdist, build_wheel, look_at

ROOT: Final = Path(__file__).resolve().parents[1]
WORK: Final = ROOT / "build/wheels"
# What the sdist's installation is tested with: the reference engine behind the same calls.
REFERENCE_TESTS: Final = ("tests/test_array.py", "tests/test_frame_codec.py", "tests/test_transcode.py")

WHERE: Final = """
import json, shutil, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import framedeflate
    from framedeflate import ImagePixel, decode_frame, encode_frame, engine
    pixel = ImagePixel(rows=8, columns=8, bits_allocated=1)
    for frame in (bytes(8), bytes(range(8))):
        assert decode_frame(encode_frame(frame, pixel), pixel) == frame
compilers = [name for name in ("cc", "gcc", "g++", "c++", "clang", "cmake", "ninja") if shutil.which(name)]
print(json.dumps([framedeflate.__file__, engine.name, [str(one.message) for one in caught], compilers]))
"""


def prove(room: CleanRoom, engine: str, warnings: int, cwd: Path) -> None:
    """Raise unless the package that is imported is the one installed here, with this engine, and warned so often."""
    where, name, warned, compilers = json.loads(room.run("python", "-c", WHERE, cwd=cwd))
    if not Path(where).is_relative_to(room.prefix):
        raise StepFailedError(f"framedeflate was imported from {where}, which is not in {room.prefix}")
    if name != engine:
        raise StepFailedError(f"the engine is {name}, where {engine} was to be installed")
    if len(warned) != warnings or not all("compiler" in message for message in warned):
        raise StepFailedError(f"{warnings} warnings of a missing core were due, and these came: {warned}")
    if compilers:
        raise StepFailedError(f"there should be no compiler here, but {compilers} can be reached")
    print(f"  {Path(where).relative_to(room.prefix).parent}, engine {name}, no compiler in reach")


def use_as_its_user(room: CleanRoom, cwd: Path, home: Path) -> None:
    """Compress a real file with nothing installed but the package and what it asks for, and an empty home."""
    home.mkdir(parents=True)
    version = room.run("framedeflate", "--version", cwd=cwd, HOME=str(home)).strip()
    ct = room.run(
        "python", "-c", "from pydicom.data import get_testdata_file as f; print(f('CT_small.dcm'))", cwd=cwd
    )
    for command in (
        ("compress", ct.strip(), "-o", "ct-deflated.dcm"),
        ("verify", "ct-deflated.dcm"),
        ("decompress", "ct-deflated.dcm", "-o", "ct.dcm"),
    ):
        room.run("framedeflate", *command, cwd=home, HOME=str(home))
    print(f"  {version}: compress, verify, decompress")


def run_tests(room: CleanRoom, tree: Path, engine: str, tests: list[str], processes: int) -> None:
    """Run the tests of `tree`, which has no src, against the package that is installed."""
    required = NATIVE if engine == "native" else {}
    room.run(
        *("python", "-m", "pytest", "-m", "not soak", "--quiet", "-p", "no:cacheprovider"),
        *(("--numprocesses", str(processes)) if processes > 1 else ()),
        *tests,
        cwd=tree,
        show=True,
        FRAMEDEFLATE_ENGINE=engine,
        FRAMEDEFLATE_INSTALLED=str(room.prefix),
        **required,
    )


def main(arguments: list[str]) -> int:
    """Do all of it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tests", nargs="*", help="a part of the suite; all of it unless said")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args(arguments)
    group = "test-wheel" if given.tests else "test"
    extras = "" if given.tests else "[all]"
    try:
        tools = Tools.install(WORK / "tools", sys.executable, ROOT)
        print("building the sdist, twice", flush=True)
        sdist = build_sdist(tools, ROOT, WORK / "sdist")
        print(f"  {sdist.name}, {sdist.stat().st_size / 1e6:.1f} MB\nbuilding the wheel from it", flush=True)
        wheel = build_wheel(tools, sdist, WORK / "wheel")
        platform = look_at(tools, sdist, wheel, ROOT)
        print(f"  {wheel.name}, {wheel.stat().st_size / 1e6:.1f} MB, for {platform}", flush=True)
        (ROOT / "dist").mkdir(exist_ok=True)
        # What an earlier version left there would be published with this one.
        for old in (ROOT / "dist").glob("framedeflate-*"):
            old.unlink()
        sdist, wheel = (Path(shutil.copy(path, ROOT / "dist")) for path in (sdist, wheel))

        programs = without_compilers(WORK / "programs")
        tree = unpack_without_src(sdist, WORK / "tests", ROOT / "../shared")

        print("installing the wheel into an empty environment", flush=True)
        room = CleanRoom.make(WORK / "from-wheel", sys.executable, programs)
        room.pip("install", wheel)
        prove(room, "native", 0, tree)
        shutil.rmtree(WORK / "home", ignore_errors=True)
        use_as_its_user(room, tree, WORK / "home")
        print("  installing what tests it", flush=True)
        room.pip("install", "--group", f"{tree}/pyproject.toml:{group}", f"{wheel}{extras}")
        run_tests(room, tree, "native", given.tests, given.processes)

        print("installing the sdist into an empty environment", flush=True)
        room = CleanRoom.make(WORK / "from-sdist", sys.executable, programs)
        room.pip("install", sdist)
        prove(room, "reference", 1, tree)
        room.pip("install", "--group", f"{tree}/pyproject.toml:test-wheel")
        run_tests(room, tree, "reference", list(REFERENCE_TESTS), 1)
    except StepFailedError as error:
        print(f"\nmake wheels: {error}", file=sys.stderr)
        return 1
    print("dist/ holds both")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
