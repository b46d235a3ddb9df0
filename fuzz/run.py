# SPDX-License-Identifier: Apache-2.0
"""Builds all harnesses, runs each for some seconds, and says what they reached: ``python fuzz/run.py --seconds 60``.

Inputs that reached something new are kept in build/fuzz/corpus, and the next run goes on from them. Any finding ends
in exit status 1; the input is then in build/fuzz/findings. CLANG names another compiler than clang++.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
BUILD: Final = ROOT / "build" / "fuzz"
INSTALL: Final = "apt-get install clang llvm libclang-rt-dev zlib1g-dev"

RSS_LIMIT_MB: Final = 1024


class Harness(NamedTuple):
    """One program that libFuzzer or Atheris drives."""

    seeds: str
    max_nbytes: int
    is_native: bool = True


HARNESSES: Final = {
    "bits": Harness("bits", 400),
    "element_scan": Harness("element_scan", 300),
    "encode": Harness("encode", 300),
    "inflate": Harness("inflate", 300),
    "item_scan": Harness("item_scan", 100),
    "item_values": Harness("item_values", 300),
    "files/groups": Harness("files", 2000, is_native=False),
    "files/items": Harness("items", 600, is_native=False),
    "files/part10": Harness("files", 2000, is_native=False),
    "files/reader": Harness("files", 2000, is_native=False),
    "files/rewrite": Harness("data_sets", 600, is_native=False),
    "files/scan": Harness("data_sets", 600, is_native=False),
    "files/verify": Harness("files", 2000, is_native=False),
}


class Tools(NamedTuple):
    """Clang and what comes with it, of one version."""

    compiler: str
    profdata: str
    cov: str


def find_tools() -> Tools:
    """Find clang++ as CLANG or PATH has it."""
    compiler = os.environ.get("CLANG", "clang++")
    version = compiler.removeprefix("clang++")
    tools = Tools(compiler, f"llvm-profdata{version}", f"llvm-cov{version}")
    missing = [tool for tool in (*tools, "cmake", "ninja") if shutil.which(tool) is None]
    if missing:
        sys.exit(f"missing: {', '.join(missing)}. On Debian: {INSTALL}")
    return tools


def build(folder: Path, tools: Tools, *, coverage: bool) -> None:
    """Build the native harnesses, under the sanitizers or with counters of lines."""
    options = [f"-DCMAKE_CXX_COMPILER={tools.compiler}", "-DFRAMEDEFLATE_FUZZ=ON"]
    options.append(f"-DFRAMEDEFLATE_COVERAGE={'ON' if coverage else 'OFF'}")
    quietly(["cmake", "-S", str(ROOT), "-B", str(folder), "-G", "Ninja", *options])
    quietly(["cmake", "--build", str(folder), "--parallel", "2"])


def quietly(command: list[str]) -> None:
    """Run what has nothing to say unless it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}")


def program(name: str, harness: Harness, folder: Path) -> list[str]:
    """Return the command that starts a harness."""
    if harness.is_native:
        return [str(folder / "fuzz" / f"fuzz_{name}")]
    return [sys.executable, str(ROOT / "fuzz" / "fuzz_files.py"), name.removeprefix("files/")]


def corpora(name: str, harness: Harness) -> list[str]:
    """Return the folder that a harness adds to, and that of its seeds."""
    corpus = BUILD / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    return [str(corpus), str(BUILD / "seeds" / harness.seeds)]


def run(name: str, harness: Harness, seconds: int) -> bool:
    """Run a harness and print its line; False where it found something."""
    findings = BUILD / "findings" / name
    findings.mkdir(parents=True, exist_ok=True)
    command = [
        *program(name, harness, BUILD / "sanitized"),
        *corpora(name, harness),
        f"-max_total_time={seconds}",
        f"-max_len={harness.max_nbytes}",
        f"-artifact_prefix={findings}/",
        f"-rss_limit_mb={RSS_LIMIT_MB}",
        "-timeout=20",
        "-len_control=0",
        "-print_final_stats=1",
    ]
    # A large quarantine of freed blocks, and long stacks for each, cost three quarters of the speed.
    environment = os.environ | {"ASAN_OPTIONS": "quarantine_size_mb=4:malloc_context_size=4:detect_leaks=0"}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    output = done.stdout.decode("utf-8", "replace")
    last = re.findall(r"^#(\d+)\s.*cov: (\d+) .*corp: (\d+)/", output, re.MULTILINE)[-1:]
    inputs, edges, kept = last[0] if last else ("0", "0", "0")
    verdict = "clean" if done.returncode == 0 else f"FOUND SOMETHING, see {findings}"
    print(f"{name:<14} {int(inputs):>11,} inputs {edges:>6} edges {kept:>6} kept   {verdict}", flush=True)
    if done.returncode:
        print(output[-6000:], file=sys.stderr)
    return done.returncode == 0


def report_coverage(names: list[str], tools: Tools) -> None:
    """Print the lines of each file of the core that the corpora reach; what the compiler works out counts as missed."""
    folder = BUILD / "coverage"
    build(folder, tools, coverage=True)
    profiles = []
    for name in names:
        profiles.append(str(folder / f"{name}.profraw"))
        command = [*program(name, HARNESSES[name], folder), "-runs=0", *corpora(name, HARNESSES[name])]
        subprocess.run(
            command,
            env=os.environ | {"LLVM_PROFILE_FILE": profiles[-1]},
            stderr=subprocess.DEVNULL,
            check=True,
        )
    merged = str(folder / "all.profdata")
    quietly([tools.profdata, "merge", "-o", merged, *profiles])
    binaries = [program(name, HARNESSES[name], folder)[0] for name in names]
    objects = [option for binary in binaries[1:] for option in ("-object", binary)]
    report = subprocess.run(
        [tools.cov, "export", "-summary-only", f"-instr-profile={merged}", binaries[0], *objects],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    print_lines(report.stdout)


def print_lines(report: bytes) -> None:
    """Print the table of an llvm-cov report: lines reached of each file in native, and of all."""
    import json

    total = reached = 0
    for file in json.loads(report)["data"][0]["files"]:
        path = Path(file["filename"])
        if path.parent.name != "native":
            continue
        lines = file["summary"]["lines"]
        total, reached = total + lines["count"], reached + lines["covered"]
        print(
            f"  {path.name:<22} {lines['covered']:>5} of {lines['count']:>5} lines  {lines['percent']:6.1f} %"
        )
    print(f"  {'all':<22} {reached:>5} of {total:>5} lines  {100 * reached / max(1, total):6.1f} %")


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="Build and run the fuzzing harnesses.")
    parser.add_argument("harness", nargs="*", help=f"of {', '.join(HARNESSES)}; all unless named")
    parser.add_argument("--seconds", type=int, default=5, help="for each harness")
    asked = parser.parse_args()
    names = asked.harness or list(HARNESSES)
    native = [name for name in names if HARNESSES[name].is_native]
    if native:
        tools = find_tools()
        build(BUILD / "sanitized", tools, coverage=False)
    tests = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    }
    subprocess.run(
        [sys.executable, str(ROOT / "fuzz" / "seeds.py"), str(BUILD / "seeds")], env=tests, check=True
    )
    clean = [run(name, HARNESSES[name], asked.seconds) for name in names]
    if native:
        report_coverage(native, tools)
    return 0 if all(clean) else 1


if __name__ == "__main__":
    sys.exit(main())
