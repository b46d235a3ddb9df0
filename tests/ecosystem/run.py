# SPDX-License-Identifier: Apache-2.0
"""What each tool that is installed makes of deflated files: the table of docs/ecosystem.md, in Markdown.

A tool is right about a kind of file if it shows the same pixels as for the native file. Each runs in a process of its
own, once as it is, once after `framedeflate.pydicom_plugin.register()`, and once on files that `framedeflate
decompress` made native again.

    python tests/ecosystem/run.py                 all that are installed
    python tests/ecosystem/run.py SimpleITK itk   these
"""

import json
import re
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

# The folder of the tests, whose modules these are.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ecosystem.readers import READERS, installed_version

__all__ = ["cell", "main", "tried"]

Outcomes = dict[str, str]
"""By kind: "right", "other pixels", or the error."""


def tried(tool: str, form: str, *options: str) -> Outcomes:
    """Return what the tool makes of each kind that it reads natively, in a fresh process."""
    command = [sys.executable, __file__, "--in-process", tool, form, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"')]
    if not lines:
        return {"any": f"the process ended with {done.returncode}"}
    found: Outcomes = json.loads(lines[-1])
    return found


def in_process(tool: str, form: str) -> Outcomes:
    import numpy as np

    from ecosystem.samples import write_samples

    if "--register" in sys.argv:
        import framedeflate.pydicom_plugin as plugin

        plugin.register()
    read = READERS[tool]
    outcomes: Outcomes = {}
    with TemporaryDirectory() as folder:
        for kind, paths in write_samples(Path(folder)).items():
            try:
                expected = read(paths["native"])
            except Exception:  # noqa: BLE001, S112 - the native file is none of its files
                continue
            try:
                found = read(paths[form])
            except Exception as error:  # noqa: BLE001 - whatever it says is shown
                outcomes[kind] = f"{type(error).__name__}: {' '.join(str(error).split())}"
                outcomes[kind] = re.sub(r"0x[0-9a-f]+", "", outcomes[kind].replace(folder, ""))
            else:
                outcomes[kind] = "right" if np.array_equal(found, expected) else "other pixels"
    return outcomes


def cell(outcomes: Outcomes) -> str:
    """Return an entry of the table: how many kinds are right, and what is said of the first that is not."""
    wrong = {kind: said for kind, said in outcomes.items() if said != "right"}
    count = f"{len(outcomes) - len(wrong)} of {len(outcomes)}"
    return f"{count}: {next(iter(wrong.values()))[-150:]}".replace("|", "/") if wrong else count


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--in-process"]:
        warnings.simplefilter("ignore")
        import logging

        logging.disable(logging.CRITICAL)
        print(json.dumps(in_process(arguments[1], arguments[2])))
        return 0
    print("| tool | version | as it is | after `register()` | after `framedeflate decompress` | kinds |")
    print("|---|---|---|---|---|---|")
    for tool in arguments or READERS:
        version = installed_version(tool)
        if version is None:
            print(f"{tool} is not installed", file=sys.stderr)
            continue
        plain, registered = tried(tool, "deflated"), tried(tool, "deflated", "--register")
        inflated = tried(tool, "inflated")
        shown = cell(registered) if registered != plain else "the same"
        kinds = ", ".join(plain)
        print(f"| {tool} | {version} | {cell(plain)} | {shown} | {cell(inflated)} | {kinds} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
