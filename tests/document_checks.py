# SPDX-License-Identifier: Apache-2.0
"""What must be there once a page has run, beyond that every command ended well."""

import json
import zlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from archive_samples import contents, rows
from document_rooms import CT_INSTANCE, slide_pixels
from document_runner import PageRun
from documents import Block, blocks_of
from framedeflate import verify_file

__all__ = ["CHECKS"]


def _readme(run: PageRun) -> None:
    assert (run.room / "frame.png").read_bytes().startswith(b"\x89PNG")
    assert (run.room / "deflated" / "notes.txt").is_file(), "--copy-others"
    masks = np.zeros((20, 64, 64), bool)
    masks[5:15, 20:40, 10:50] = True
    packed = np.packbits(masks[6].ravel(), bitorder="little").tobytes()
    assert zlib.decompress((run.room / "frame7.deflate").read_bytes(), -15) == packed
    assert (run.room / "frame7.raw").read_bytes() == packed


def _archives(run: PageRun) -> None:
    assert "all as the manifest says" in run.said
    assert (run.room / "report.html").stat().st_size > 1000
    assert contents(run.room / "parts") == contents(run.room / "deflated")
    # Images of 8 bits that are no masks: the policy leaves them alone.
    assert {state for (state,) in rows(run.room / "labels.sqlite", "state")} == {"skipped"}
    assert "done||9\n" in run.said or "sqlite3" in run.missed


def _archives_s3(run: PageRun) -> None:
    assert "9 files, 18 frames: all as the manifest says" in run.said
    # Deflated already, so what comes back is what was put there.
    columns = "path, frames_digest, result_digest"
    assert rows(run.room / "s3.sqlite", columns) == rows(run.room / "back.sqlite", columns)


def _archives_dask(run: PageRun) -> None:
    assert contents(run.room / "dask").keys() == contents(run.room / "studies").keys()


def _dimse(run: PageRun) -> None:
    lines = (run.room / "report.jsonl").read_text(encoding="utf-8").splitlines()
    results = [json.loads(line) for line in lines]
    assert sorted(result["status"] for result in results) == ["skipped", "stored", "stored"]
    for peer in ("dimse", "dimse-tls"):
        kept = {path.stem for path in (run.scratch / peer).glob("??/*.dcm")}
        assert kept == {"1.4", CT_INSTANCE}, peer


def _serve(run: PageRun) -> None:
    """The request that the page shows is logged as it is shown, but for what is measured."""
    (shown,) = (json.loads(block.text) for block in blocks_of("docs/serve.md") if block.language == "json")
    lines = [line for log in run.logs for line in log.read_text(encoding="utf-8").splitlines()]
    logged: list[dict[str, Any]] = [json.loads(line) for line in lines]
    (found,) = (one for one in logged if one["event"] == "request" and "frames" in one)
    changes = ("time", "nbytes", "milliseconds", "request_id")
    assert shown.keys() == found.keys()
    assert {name: value for name, value in shown.items() if name not in changes} == {
        name: value for name, value in found.items() if name not in changes
    }


def _ecosystem(run: PageRun) -> None:
    save = "import numpy\nnumpy.save('region.npy', numpy.asarray(region))"
    run.python(Block("docs/ecosystem.md", 1, "python", "", save))
    assert np.array_equal(np.load(run.room / "region.npy"), slide_pixels(run.room / "slide.dcm"))
    copies = [path for path in (run.room / "copy").iterdir() if path.suffix == ".dcm"]
    assert copies
    assert [verify_file(path) for path in copies] == [[]] * len(copies)


CHECKS: Final[dict[tuple[str, str], Callable[[PageRun], None]]] = {
    ("README.md", ""): _readme,
    ("docs/archives.md", ""): _archives,
    ("docs/archives.md", "s3"): _archives_s3,
    ("docs/archives.md", "dask"): _archives_dask,
    ("docs/dimse.md", ""): _dimse,
    ("docs/serve.md", ""): _serve,
    ("docs/ecosystem.md", "wsidicom"): _ecosystem,
}
"""By page, and what its blocks need or ""."""
