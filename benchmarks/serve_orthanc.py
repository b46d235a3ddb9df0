# SPDX-License-Identifier: Apache-2.0
"""Debian's Orthanc with its DICOMweb plugin, as a rival that serves native Frames."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["is_installed", "orthanc_with"]

_PLUGIN: Final = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
_STARTS_IN_SECONDS: Final = 30


def is_installed() -> bool:
    return shutil.which("Orthanc") is not None and _PLUGIN.exists()


@contextmanager
def orthanc_with(folder: Path, path: Path) -> Iterator[str]:
    """Run Orthanc on loopback with one instance; yield the root of its DICOMweb service."""
    with socket.socket() as free, socket.socket() as other:
        free.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        http_port, dicom_port = free.getsockname()[1], other.getsockname()[1]
    folder.mkdir()
    settings = {
        "Name": "bench",
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "KeepAlive": True,
        "HttpThreadsCount": 50,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [str(_PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings), encoding="utf-8")
    base = f"http://127.0.0.1:{http_port}"
    command = [shutil.which("Orthanc") or "Orthanc", str(folder / "orthanc.json")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _put(base, path)
            yield f"{base}/dicom-web"
        finally:
            process.terminate()


def _put(base: str, path: Path) -> None:
    stop = time.monotonic() + _STARTS_IN_SECONDS
    while True:
        try:
            request = urllib.request.Request(f"{base}/instances", path.read_bytes(), method="POST")  # noqa: S310
            urllib.request.urlopen(request, timeout=_STARTS_IN_SECONDS).read()  # noqa: S310
        except OSError:
            if time.monotonic() > stop:
                raise
            time.sleep(0.2)
        else:
            return
