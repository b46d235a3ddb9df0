# SPDX-License-Identifier: Apache-2.0
"""Releases of @cornerstonejs/dicom-image-loader, each with a page around it, bundled for a browser; and axe-core.

    python tests/ecosystem/cornerstone_bundle.py

npm installs them below build/cornerstone; what stays there is the bundles, which are made once.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["AXE", "BUNDLES", "RELEASES", "bundle", "fetch_axe", "npm_install"]

RELEASES: Final = ("5.14.0", "5.6.8")
"""The first with a decoder for deflated frames; one without, which others' viewers still ship."""

BUNDLES: Final = Path(__file__).parents[2] / "build/cornerstone"
AXE: Final = BUNDLES / "axe.min.js"
_PAGE: Final = Path(__file__).parent / "cornerstone/page.js"
# Of node, in branches that a browser does not take.
_NODE: Final = ("fs", "path", "crypto")


def bundle(release: str) -> Path:
    """Return the folder of a release's bundle: page.js, decodeImageFrameWorker.js."""
    done = BUNDLES / release
    if done.is_dir():
        return done
    names = [f"@cornerstonejs/dicom-image-loader@{release}", f"@cornerstonejs/core@{release}"]
    # What their dependencies take from node, and a browser needs from elsewhere.
    work = npm_install(BUNDLES / f"{release}.work", *names, "events@3", "url@0.11", "esbuild@0.28")
    shutil.copy(_PAGE, work)
    [esbuild] = work.glob("node_modules/@esbuild/*/bin/esbuild")
    worker = "node_modules/@cornerstonejs/dicom-image-loader/dist/esm/decodeImageFrameWorker.js"
    options = [
        "--bundle",
        "--minify",
        "--format=esm",
        "--entry-names=[name]",
        "--outdir=out",
        "--log-level=error",
    ]
    _run([str(esbuild), *options, *(f"--external:{name}" for name in _NODE), "page.js", worker], work)
    # In place by a name only when it is whole.
    (work / "out").rename(done)
    shutil.rmtree(work)
    return done


def fetch_axe() -> Path:
    """Return axe-core's script, which judges a page by the rules of WCAG."""
    if not AXE.is_file():
        work = npm_install(BUNDLES / "axe.work", "axe-core@4")
        (work / "node_modules/axe-core/axe.min.js").rename(AXE)
        shutil.rmtree(work)
    return AXE


def npm_install(work: Path, *packages: str) -> Path:
    """Install packages into a folder, which is emptied before, and return it."""
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not installed")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / "package.json").write_text('{"private": true}', encoding="utf-8")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    _run([npm, "install", *quiet, *packages], work)
    return work


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")


if __name__ == "__main__":
    for made in (*map(bundle, RELEASES), fetch_axe()):
        print(made, file=sys.stderr)
