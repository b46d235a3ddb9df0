# SPDX-License-Identifier: Apache-2.0
"""Servers that answer as Google Cloud Storage and Azure Blob Storage do, and clients of others that say what is there.

Google's XML API, which obstore speaks, is that of S3 with other credentials: moto answers it, once it sees those that
it knows. Azurite is Microsoft's own emulator.
"""

import json
import re
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ecosystem.azurite_install import AZURITE
from peers import miss_tool

__all__ = ["Cloud", "azure", "google"]

_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Those of every Azurite: no secret."""
_SIGNED = "AWS4-HMAC-SHA256 Credential=id/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
"""By nobody: moto wants to see that somebody asks, and believes everybody."""


@dataclass(frozen=True)
class Cloud:
    """A store with one bucket.

    Attributes
    ----------
    url : str
        Of the bucket.
    environment : dict
        Where it is and who asks, as users say it.
    strangers : dict
        The same with credentials that the store does not know; empty where it believes everybody.
    put : callable
        Puts bytes under a key.
    read : callable
        Returns all keys with their bytes.
    """

    url: str
    environment: dict[str, str]
    strangers: dict[str, str]
    put: Callable[[str, bytes], object]
    read: Callable[[], dict[str, bytes]]

    def contents(self, prefix: str) -> dict[str, str]:
        """SHA-256 of every object by its key below the prefix."""
        return {
            key[len(prefix) :]: sha256(data).hexdigest()
            for key, data in self.read().items()
            if key.startswith(prefix)
        }


@contextmanager
def google() -> Iterator[Cloud]:
    boto3 = pytest.importorskip("boto3")
    werkzeug_app = pytest.importorskip("moto.moto_server.werkzeug_app")
    from werkzeug.serving import make_server

    answers = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)

    def with_credentials(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not environ.get("HTTP_AUTHORIZATION", "").startswith("AWS4"):
            environ["HTTP_AUTHORIZATION"] = _SIGNED
        found: Iterable[bytes] = answers(environ, start_response)
        return found

    # moto keeps its buckets as long as the process.
    bucket = f"clinic{secrets.token_hex(4)}"
    server = make_server("127.0.0.1", 0, with_credentials, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.port}"
        client = boto3.client(
            "s3",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id="id",
            aws_secret_access_key="secret",  # noqa: S106 - moto takes any
        )
        client.create_bucket(Bucket=bucket)

        def read() -> dict[str, bytes]:
            found = client.list_objects_v2(Bucket=bucket).get("Contents", [])
            return {
                one["Key"]: client.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in found
            }

        account = {"disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
        yield Cloud(
            f"gs://{bucket}",
            {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(account), "GOOGLE_BASE_URL": address},
            {},
            lambda key, data: client.put_object(Bucket=bucket, Key=key, Body=data),
            read,
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def azure(folder: Path) -> Iterator[Cloud]:
    if not AZURITE.is_file():
        miss_tool("Azurite")
    try:
        from azure.storage.blob import ContainerClient
    except ImportError:
        miss_tool("azure-storage-blob")
    command = ["node", str(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", "0", "--disableTelemetry"]
    server = subprocess.Popen(
        [*command, "--location", str(folder), "--skipApiVersionCheck"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert server.stdout is not None
    rest = None
    try:
        said = ""
        while not (found := re.search(r"listens on (http://\S+)", said)):
            line = server.stdout.readline()
            assert line, f"Azurite ended: {said}"
            said += line
        # It goes on to say what it is asked, and would wait where nobody read that.
        rest = threading.Thread(target=server.stdout.read, daemon=True)
        rest.start()
        address = f"{found[1]}/{_ACCOUNT}"
        with ContainerClient(address, "clinic", credential=_KEY) as client:
            client.create_container()
            environment = {
                "AZURE_STORAGE_ACCOUNT_NAME": _ACCOUNT,
                "AZURE_STORAGE_ACCOUNT_KEY": _KEY,
                "AZURE_STORAGE_ENDPOINT": address,
            }
            yield Cloud(
                "az://clinic",
                environment,
                {**environment, "AZURE_STORAGE_ACCOUNT_KEY": "c29tZWJvZHkgZWxzZSdz"},
                lambda key, data: client.upload_blob(key, data, overwrite=True),
                lambda: {name: client.download_blob(name).readall() for name in client.list_blob_names()},
            )
    finally:
        server.terminate()
        server.wait(timeout=30)
        if rest is not None:
            rest.join(timeout=30)
        server.stdout.close()
