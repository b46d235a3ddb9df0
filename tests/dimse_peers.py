# SPDX-License-Identifier: Apache-2.0
"""DICOM peers on loopback: pynetdicom's, DCMTK's storescp, Orthanc; each bounded in time and ended by its owner."""

import gc
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from peers import miss_peer

# pynetdicom leaves the sockets of refused connections and handshakes to the garbage collector.
LEAKS = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED_DATA_SET = "1.2.840.10008.1.2.1.99"
FRAMES = "1.2.840.10008.1.2.8.1"
COMMITMENT = "1.2.840.10008.1.20.1"

SEG = "1.2.840.10008.5.1.4.1.1.66.4"
CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
SC = "1.2.840.10008.5.1.4.1.1.7"
SR = "1.2.840.10008.5.1.4.1.1.88.33"
CLASSES = (SEG, CT, MR, SC, SR, "1.2.840.10008.5.1.4.1.1.7.2", "1.2.840.10008.5.1.4.1.1.6.1")


@dataclass(frozen=True)
class Arrival:
    """What a peer received."""

    transfer_syntax_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    data_set: bytes

    def dataset(self) -> Dataset:
        """Read by pydicom."""
        dataset = pydicom.dcmread(BytesIO(part10(self)), force=True)
        assert dataset.SOPInstanceUID == self.sop_instance_uid
        assert dataset.SOPClassUID == self.sop_class_uid
        return dataset


def part10(arrival: Arrival) -> bytes:
    meta: Any = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID = arrival.sop_class_uid
    meta.MediaStorageSOPInstanceUID = arrival.sop_instance_uid
    meta.TransferSyntaxUID = arrival.transfer_syntax_uid
    file: Any = BytesIO()
    file.write(bytes(128) + b"DICM")
    pydicom.filewriter.write_file_meta_info(file, meta, enforce_standard=True)
    return bytes(file.getvalue()) + arrival.data_set


@dataclass
class Node:
    """pynetdicom's peer.

    Attributes
    ----------
    statuses : list of int
        Answers of the next instances; 0000 when it is empty.
    die_after : int or None
        Closes the connection instead of answering that many instances from now.
    """

    port: int = 0
    arrivals: list[Arrival] = field(default_factory=list)
    proposed: list[list[tuple[str, tuple[str, ...]]]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    die_after: int | None = None
    on_arrival: Callable[[int], None] = lambda _count: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def requested(self, event: evt.Event) -> None:
        contexts = event.assoc.requestor.requested_contexts
        self.proposed.append([(str(c.abstract_syntax), tuple(map(str, c.transfer_syntax))) for c in contexts])

    def stored(self, event: evt.Event) -> int:
        with self.lock:
            if self.die_after is not None:
                self.die_after -= 1
                if self.die_after < 0:
                    self.die_after = None
                    event.assoc.abort()
                    return 0xC001
            status = self.statuses.pop(0) if self.statuses else 0
            if status in {0, 0xB000}:
                request: Any = event.request
                self.arrivals.append(
                    Arrival(
                        str(event.context.transfer_syntax),
                        str(request.AffectedSOPClassUID),
                        str(request.AffectedSOPInstanceUID),
                        request.DataSet.getvalue(),
                    )
                )
                self.on_arrival(len(self.arrivals))
            return status


@contextmanager
def node(
    *syntaxes: str,
    classes: Sequence[str] = CLASSES,
    handlers: Sequence[Any] = (),
    also: Sequence[tuple[str, dict[str, bool]]] = (),
    port: int = 0,
    most: int = 10,
    tls: ssl.SSLContext | None = None,
    **options: Any,
) -> Iterator[Node]:
    """Run a peer that accepts these Transfer Syntaxes."""
    made = Node(**options)
    entity = AE(ae_title="NODE")
    entity.maximum_associations = most
    for sop_class in classes if syntaxes else ():
        entity.add_supported_context(sop_class, list(syntaxes))
    for sop_class, roles in also:
        entity.add_supported_context(sop_class, [EXPLICIT, IMPLICIT], **roles)
    entity.add_supported_context("1.2.840.10008.1.1")
    server = entity.start_server(
        ("127.0.0.1", port),
        block=False,
        ssl_context=tls,
        evt_handlers=[(evt.EVT_C_STORE, made.stored), (evt.EVT_REQUESTED, made.requested), *handlers],
    )
    assert server is not None
    try:
        made.port = server.server_address[1]
        yield made
    finally:
        # Takes half a second, which nobody needs to wait for unless the port is used again.
        ending = threading.Thread(target=server.shutdown)
        ending.start()
        if port:
            ending.join()
        gc.collect()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def installed(name: str) -> str:
    """Path of a peer's command. pynetdicom installs scripts of DCMTK's names beside Python: those are not meant."""
    folders = [folder for folder in (*os.get_exec_path(), "/usr/bin", "/usr/sbin") if "venv" not in folder]
    found = shutil.which(name, path=os.pathsep.join(folders))
    return found or miss_peer(f"{name} is not installed")


@contextmanager
def process(command: Sequence[str], port: int, log: Path) -> Iterator[None]:
    """Run a peer's command until the block ends; it listens on the port when the block begins."""
    with log.open("wb") as output:
        running = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            wait_for(port, running)
            yield
        finally:
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def wait_for(port: int, running: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert running.poll() is None, "the peer ended"
        with socket.socket() as one:
            one.settimeout(1)
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the peer does not listen")


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[int]:
    """Run DCMTK's, which writes what it receives into the folder; yield its port."""
    port = free_port()
    folder.mkdir(exist_ok=True)
    command = [installed("storescp"), *options, "--output-directory", str(folder), str(port)]
    with process(command, port, folder.parent / f"{folder.name}.log"):
        yield port


def orthanc_plugin(name: str) -> str:
    """Path of a plugin as Debian installs it."""
    path = Path("/usr/share/orthanc/plugins") / name
    return str(path) if path.exists() else miss_peer(f"{name} is not installed")


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc."""

    dicom_port: int
    http_port: int

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=20) as answer:
            found: bytes = answer.read()
            return found

    def instances(self) -> list[str]:
        names: list[str] = json.loads(self.get("/instances"))
        return names


@contextmanager
def orthanc(folder: Path, *, plugins: Sequence[str] = ()) -> Iterator[Orthanc]:
    """Run Orthanc with an empty store, and plugins by the names of their files."""
    command = installed("Orthanc")
    made = Orthanc(free_port(), free_port())
    folder.mkdir()
    settings = {
        "Name": "test",
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"),
        "DicomPort": made.dicom_port,
        "HttpPort": made.http_port,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [orthanc_plugin(name) for name in plugins],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "DicomAlwaysAllowStore": True,
    }
    (folder / "orthanc.json").write_text(json.dumps(settings), encoding="utf-8")
    with process([command, str(folder / "orthanc.json")], made.dicom_port, folder / "orthanc.log"):
        yield made
