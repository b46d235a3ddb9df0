# SPDX-License-Identifier: Apache-2.0
"""Segmentations of one bit sent over loopback: deflated to a peer that accepts that, against the same ones native.

The peer is pynetdicom's, in a process of its own, and throws away what it gets once its length and CRC-32 are noted,
which are compared with the file's. Each instance is 96 Frames of 512x512 in one file, sent again and again. Beside
ours: pynetdicom's own send_c_store, streaming from the file. Figures are medians; loopback has no bandwidth to
save, so a slower wire gains by the bytes too.

    python benchmarks/bench_send.py
    python benchmarks/bench_send.py --quick    3 instances of 6 Frames, one round
"""

import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import pydicom
from pynetdicom import AE, _config

import send_peer
from bench_files import FilesMaker
from command import Options, run
from frame_sets import all_sets
from framedeflate import decompress_file
from framedeflate.dimse.sender import send_files
from interleave import WrongResultError
from send_tables import send

__all__ = ["main", "measure"]

_FRAMES, _QUICK_FRAMES = 96, 6
_INSTANCES, _QUICK_INSTANCES = 60, 3
_DEFLATED: Final = "1.2.840.10008.1.2.8.1"
_EXPLICIT: Final = "1.2.840.10008.1.2.1"
_SEGMENTATION: Final = "1.2.840.10008.5.1.4.1.1.66.4"


@dataclass(frozen=True)
class _Contestant:
    """Sends one file so many times.

    Attributes
    ----------
    file : str
        Which of the files is sent.
    arrives : str
        Which of them the peer must get the Data Set of.
    syntax : str
        All that the peer accepts.
    """

    file: str
    arrives: str
    syntax: str
    send: Callable[[int, Path, int], int]


def measure(options: Options) -> dict[str, Any]:
    """Return instances a second and bytes on the wire, by contestant."""
    one = next(one for one in all_sets(options.frames) if one.kind == "1-bit" and one.columns == 512)
    count = _QUICK_INSTANCES if options.quick else _INSTANCES
    contestants = {name: _CONTESTANTS[name] for name in options.chosen(list(_CONTESTANTS))}
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    wire: dict[str, int] = {}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        frames = _QUICK_FRAMES if options.quick else _FRAMES
        FilesMaker(folder, one, frames).write()
        # As the standard has it for native ones, of which the maker leaves the pad out.
        decompress_file(folder / "deflated.dcm", folder / "inflated.dcm")
        for number in range(options.rounds):
            names = list(contestants)
            first = number % len(names)
            for name in names[first:] + names[:first]:
                elapsed, wire[name] = _turn(folder, contestants[name], count)
                seconds[name].append(elapsed)
    return {
        "set": one.name,
        "frames": frames,
        "instances": count,
        "sent": {
            name: {"instances_a_second": count / median(times), "wire_nbytes": wire[name]}
            for name, times in seconds.items()
        },
    }


def _turn(folder: Path, contestant: _Contestant, count: int) -> tuple[float, int]:
    """Send, and return elapsed seconds and bytes on the wire for one instance."""
    notes = folder / "arrived.txt"
    with _peer(notes, contestant.syntax) as port:
        started = time.perf_counter()
        nbytes = contestant.send(port, folder / contestant.file, count)
        elapsed = time.perf_counter() - started
    expected = _data_set(folder / contestant.arrives)
    line = f"{len(expected)} {zlib.crc32(expected)}"
    if notes.read_text(encoding="ascii").split("\n") != [line] * count + [""]:
        raise WrongResultError(
            f"{contestant.file} to {contestant.syntax}: other bytes arrived than were sent"
        )
    return elapsed, nbytes


@contextmanager
def _peer(notes: Path, syntax: str) -> Iterator[int]:
    command = [sys.executable, send_peer.__file__, str(notes), syntax]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


def _data_set(path: Path) -> bytes:
    data = path.read_bytes()
    group: Any = pydicom.filereader.read_file_meta_info(path)
    return data[144 + group.FileMetaInformationGroupLength :]


def _ours(associations: int) -> Callable[[int, Path, int], int]:
    def send_all(port: int, path: Path, count: int) -> int:
        results = send_files("127.0.0.1", port, [path] * count, associations=associations)
        if any(result.status != "stored" for result in results):
            raise WrongResultError(f"{path.name}: {results[0]}")
        return results[0].wire_nbytes

    return send_all


def _pynetdicom(port: int, path: Path, count: int) -> int:
    """Send as pynetdicom's documentation has it for large files; what is on the wire it does not tell."""
    before, _config.STORE_SEND_CHUNKED_DATASET = _config.STORE_SEND_CHUNKED_DATASET, True
    try:
        entity = AE()
        syntax = pydicom.filereader.read_file_meta_info(path).TransferSyntaxUID
        entity.add_requested_context(_SEGMENTATION, syntax)
        association = entity.associate("127.0.0.1", port)
        for _ in range(count):
            status = association.send_c_store(path)
            if status.Status != 0:
                raise WrongResultError(f"{path.name}: {status.Status:04X}")
        association.release()
    finally:
        _config.STORE_SEND_CHUNKED_DATASET = before
    return 0


_CONTESTANTS: Final = {
    "deflated, as stored": _Contestant("deflated.dcm", "deflated.dcm", _DEFLATED, _ours(1)),
    "native": _Contestant("inflated.dcm", "inflated.dcm", _EXPLICIT, _ours(1)),
    "deflated, inflated on the way": _Contestant("deflated.dcm", "inflated.dcm", _EXPLICIT, _ours(1)),
    "deflated, as stored, 4 associations": _Contestant("deflated.dcm", "deflated.dcm", _DEFLATED, _ours(4)),
    "native, 4 associations": _Contestant("inflated.dcm", "inflated.dcm", _EXPLICIT, _ours(4)),
    "pynetdicom, deflated": _Contestant("deflated.dcm", "deflated.dcm", _DEFLATED, _pynetdicom),
    "pynetdicom, native": _Contestant("inflated.dcm", "inflated.dcm", _EXPLICIT, _pynetdicom),
}


def main(arguments: Sequence[str] | None = None) -> int:
    return run("send", __doc__ or "", measure, send, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
