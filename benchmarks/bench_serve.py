# SPDX-License-Identifier: Apache-2.0
"""Frames served over loopback: requests a second, p99 and bytes, in every form that a client may ask for.

wrk asks for the Frames of one Segmentation in turn, over 32 connections, of one process. Beside each form stands the
same server answering with constant bytes of that length, where the short way to a Frame begins: what is between the
two is the cost of finding, reading and wrapping a Frame. The rival is Debian's Orthanc with its DICOMweb plugin, which
knows no deflated Frames and serves the native file. Every form is judged once, by zlib, before it is timed. Beside the
clock stands the processor time of the server, in the event loop and its threads, which other work disturbs less.

    python benchmarks/bench_serve.py
    python benchmarks/bench_serve.py --quick    2 Frames, a few requests without wrk, no Orthanc
"""

import json
import subprocess
import sys
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from pydicom import Dataset
from pydicom.encaps import encapsulate

import serve_app
import serve_orthanc
from command import Options, run
from frame_sets import FrameSet, all_sets
from framedeflate import ImagePixel, decompress_file, encode_frame
from framedeflate.instance_store import InstanceStore
from framedeflate.transcode.file_meta import new_file_meta
from interleave import WrongResultError
from serve_load import Load, load_by_threads, load_by_wrk
from serve_tables import serve

__all__ = ["build", "main", "measure", "running", "used"]

_KINDS: Final = ("ts_real512", "nuclei_real512")
_SECONDS: Final = 1
_QUICK_REQUESTS: Final = 10
_SEGMENTATION: Final = "1.2.840.10008.5.1.4.1.1.66.4"
_DEFLATED: Final = "1.2.840.10008.1.2.8.1"
_FRAMES: Final = "/studies/1.2/series/1.3/instances/1.4/frames/"
_NATIVE_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True)
class _Form:
    """One way to ask for a Frame.

    Attributes
    ----------
    fields : dict
        Of the request.
    native : callable
        Makes a native Frame of the payload, for the judge.
    """

    fields: dict[str, str]
    native: Callable[[bytes], bytes]


def _raw(data: bytes) -> bytes:
    return zlib.decompress(data, -15)


def _only_part(data: bytes) -> bytes:
    head, _, rest = data.partition(b"\r\n\r\n")
    return rest[: rest.rindex(b"\r\n" + head.lstrip(b"\r\n").split(b"\r\n")[0])]


_PARTS: Final = f'multipart/related; type="{_NATIVE_TYPE}"'
_FORMS: Final = {
    "x-deflate": _Form({"Accept": "application/x-deflate"}, _raw),
    "Content-Encoding deflate": _Form(
        {"Accept": _NATIVE_TYPE, "Accept-Encoding": "gzip, deflate"}, zlib.decompress
    ),
    "Content-Encoding gzip": _Form(
        {"Accept": _NATIVE_TYPE, "Accept-Encoding": "gzip"}, lambda data: zlib.decompress(data, 31)
    ),
    "x-deflate, in a part": _Form(
        {"Accept": 'multipart/related; type="application/x-deflate"'}, lambda data: _raw(_only_part(data))
    ),
    "inflated": _Form({"Accept": _NATIVE_TYPE}, bytes),
    "inflated, in a part": _Form({"Accept": _PARTS}, _only_part),
}


def measure(options: Options) -> dict[str, Any]:
    """Return requests a second, p99 and bytes of each form, by set."""
    sets = [one for one in all_sets(options.frames) if one.kind == "1-bit"]
    chosen = [one for one in sets if one.name in _KINDS] or sets[:1]
    chosen = [one for one in chosen if one.name in options.chosen([one.name for one in chosen])]
    return {"sets": {one.name: _measured(options, one.few(2) if options.quick else one) for one in chosen}}


def _measured(options: Options, one: FrameSet) -> dict[str, Any]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        build(folder, one)
        base = stack.enter_context(running(folder / "store"))
        contestants: dict[str, tuple[str, dict[str, str]]] = {}
        sizes: dict[str, float] = {}
        for name, form in _FORMS.items():
            url = f"{base}/dicomweb{_FRAMES}"
            sizes[name] = _judged(url, form, one)
            contestants[name] = url, form.fields
            contestants[f"{name}, constant"] = f"{base}/constant/{round(sizes[name])}/", form.fields
        runs: dict[str, list[Load]] = {name: [] for name in contestants}
        cpu: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(options.rounds):
            # Each beside its constant: a machine shared with others is not the same a minute later.
            for name, (url, fields) in contestants.items():
                before = used(base)[0]
                load = _load(url, len(one.frames), fields, folder, quick=options.quick)
                cpu[name].append((used(base)[0] - before) / load.count)
                runs[name].append(load)
        if not options.quick and serve_orthanc.is_installed():
            # Behind the others: it goes on working for a while after nobody waits for it any more.
            root = stack.enter_context(serve_orthanc.orthanc_with(folder / "orthanc", folder / "native.dcm"))
            form, name = _Form({"Accept": _PARTS}, _only_part), "Orthanc, native"
            sizes[name] = _judged(root + _FRAMES, form, one)
            cpu[name] = []
            runs[name] = [
                _load(root + _FRAMES, len(one.frames), form.fields, folder, quick=options.quick)
                for _ in range(options.rounds)
            ]
    return {
        "frames": len(one.frames),
        "native_nbytes": one.frame_nbytes,
        "forms": {
            name: {
                "requests_a_second": median(load.requests_a_second for load in runs[name]),
                "p99_seconds": median(load.p99_seconds for load in runs[name]),
                "nbytes": nbytes,
                **_to_constant(runs[name], runs.get(f"{name}, constant", [])),
                **_processor_time(cpu[name], cpu.get(f"{name}, constant", [])),
            }
            for name, nbytes in sizes.items()
        },
    }


def _to_constant(loads: list[Load], constant: list[Load]) -> dict[str, float]:
    """Return the medians of a round's ratios: the two ran one after the other."""
    if not constant:
        return {}
    pairs = list(zip(loads, constant, strict=True))
    return {
        "to_constant": median(load.requests_a_second / base.requests_a_second for load, base in pairs),
        "constant_p99_seconds": median(base.p99_seconds for base in constant),
    }


def _processor_time(seconds: list[float], constant: list[float]) -> dict[str, float]:
    """Return the server's for a request, and that of constant bytes to it: what other work disturbs least."""
    if not constant:
        return {}
    return {"cpu_seconds": median(seconds), "cpu_to_constant": median(constant) / median(seconds)}


def used(base: str) -> tuple[float, int]:
    """Return seconds of processor time and bytes of memory that the server has used."""
    with urllib.request.urlopen(f"{base}/used", timeout=30) as answer:  # noqa: S310
        seconds, nbytes = json.loads(answer.read())
    return seconds, nbytes


def _load(url: str, count: int, fields: dict[str, str], folder: Path, *, quick: bool) -> Load:
    if quick:
        return load_by_threads(url, count, fields, _QUICK_REQUESTS)
    return load_by_wrk(url, count, fields, folder, _SECONDS)


def _judged(url: str, form: _Form, one: FrameSet) -> float:
    """Ask for each Frame once, and return the mean length of what came."""
    total = 0
    for number, frame in enumerate(one.frames, 1):
        request = urllib.request.Request(f"{url}{number}", headers=form.fields)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            data: bytes = answer.read()
        if form.native(data) != frame:
            raise WrongResultError(f"{url}{number}: not the Frame that was stored")
        total += len(data)
    return total / len(one.frames)


def build(folder: Path, one: FrameSet) -> None:
    """Write native.dcm, and a store with the same, deflated, in it."""
    image_pixel = ImagePixel(
        rows=one.rows, columns=one.columns, bits_allocated=1, number_of_frames=len(one.frames)
    )
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = _SEGMENTATION, "1.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2", "1.3"
    dataset.PatientName, dataset.PatientID, dataset.Modality = "A^B", "1", "SEG"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = one.rows, one.columns, len(one.frames)
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = dataset.PixelRepresentation = 0
    dataset.PixelData = encapsulate([encode_frame(frame, image_pixel) for frame in one.frames])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    memory = BytesIO()
    dataset.save_as(memory, implicit_vr=False, little_endian=True)
    path = folder / "deflated.dcm"
    path.write_bytes(new_file_meta(_SEGMENTATION, "1.4", _DEFLATED) + memory.getvalue())
    decompress_file(path, folder / "native.dcm")
    with InstanceStore(folder / "store", policy="keep") as store, store.arrival() as arrival:
        arrival.write(path.read_bytes())
        store.put(arrival)


@contextmanager
def running(store: Path) -> Iterator[str]:
    """Run the server on a store; yield scheme, host and port."""
    command = [sys.executable, serve_app.__file__, str(store)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


def main(arguments: Sequence[str] | None = None) -> int:
    return run("serve", __doc__ or "", measure, serve, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
