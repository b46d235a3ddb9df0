# SPDX-License-Identifier: Apache-2.0
"""Those that the documents talk to, on loopback, each started when a page first names it."""

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final

from document_rooms import write_segmentation
from range_server import RangeServer

__all__ = ["HOSTS", "NEEDS", "Peers"]

HOSTS: Final = (
    (r"https://(?:example\.org|pacs\.example)/dicomweb", "dicomweb"),
    (r"https://example\.org(?=/)", "files"),
    (r"\bpacs\.example 104\b", "dimse"),
    (r"\bpacs\.example 2762\b", "dimse-tls"),
    (r"\bpostgresql\+psycopg://pacs@db/pacs\b", "postgresql"),
    (r"\btcp://scheduler:8786\b", "dask"),
    (r"\b0\.0\.0\.0\b", "127.0.0.1"),
    (r"/data/inbox\b", "inbox"),
    (r"(?<=[: ])(?:8080|8443|2762|11112|11113)\b", "port"),
)
"""What stands in the pages, in this order, and the peer it becomes; a name that is no peer's is put there as it is."""

Started = AbstractContextManager[str]


class Peers:
    """What the addresses of a page stand for.

    Parameters
    ----------
    room : Path
        The page's folder: `https://example.org` serves what lies in it.
    scratch : Path
        A folder for what the peers keep.
    given : dict, optional
        Addresses of peers that run already.
    """

    def __init__(self, room: Path, scratch: Path, given: dict[str, str] | None = None) -> None:
        self._room = room
        self._scratch = scratch
        self._known = dict(given or {})
        self._ports: dict[str, str] = {}
        self._stack = ExitStack()

    def close(self) -> None:
        """End them."""
        self._stack.close()

    def put_into(self, text: str) -> str:
        """The text with their addresses in place of those that stand in the page."""
        for pattern, name in HOSTS:
            parts = re.split(f"({pattern})", text)
            # Every second part is what was found.
            parts[1::2] = [self._address(name, shown) for shown in parts[1::2]]
            text = "".join(parts)
        left = re.search(r"\S*\bexample(?:\.(?:org|com)\b|\b(?=[:/\s]))\S*", text)
        assert left is None, f"HOSTS does not say what {left and left[0]} becomes"
        return text

    def as_in_page(self, text: str) -> str:
        """What was printed, with what stands in the page in place of their addresses."""
        for port, free in self._ports.items():
            # Not within a longer number, which has nothing to do with it.
            text = re.sub(rf"(?<!\d){free}(?!\d)", port, text)
        return text.replace(f"{self._room}/", "").replace(str(self._room), ".")

    def port(self, shown: str) -> str:
        """The free port that stands for one of the page."""
        if shown not in self._ports:
            with socket.socket() as one:
                one.bind(("127.0.0.1", 0))
                self._ports[shown] = str(one.getsockname()[1])
        return self._ports[shown]

    def _address(self, name: str, shown: str) -> str:
        if name == "port":
            return self.port(shown)
        if name not in self._known:
            start = _STARTED.get(name)
            self._known[name] = self._stack.enter_context(start(self._room, self._scratch)) if start else name
        return self._known[name]


class _Folder(dict[str, "bytes | str | Path"]):
    """The files of a folder, also those that come later."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def __contains__(self, name: object) -> bool:
        return (self._folder / str(name)).is_file()

    def __getitem__(self, name: str) -> Path:
        return self._folder / name


@contextmanager
def _files(room: Path, _scratch: Path) -> Iterator[str]:
    with RangeServer({}) as server:
        server.files = _Folder(room)  # type: ignore[assignment]
        yield server.base_url


@contextmanager
def _dicomweb(_room: Path, scratch: Path) -> Iterator[str]:
    from web_server import running_server

    with running_server(scratch / "dicomweb", allow_delete=True) as url:
        yield f"{url}/dicomweb"


@contextmanager
def _dimse(_room: Path, scratch: Path) -> Iterator[str]:
    from receiving import receiving

    with receiving(scratch / "dimse") as node:
        yield f"127.0.0.1 {node.port}"


@contextmanager
def _dimse_tls(room: Path, scratch: Path) -> Iterator[str]:
    from receiving import receiving

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # All certificates of a room are the same one.
    context.load_cert_chain(room / "us.pem", room / "us.key")
    context.load_verify_locations(room / "us.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with receiving(scratch / "dimse-tls", tls=context) as node:
        yield f"127.0.0.1 {node.port}"


_STARTED: Final[dict[str, Callable[[Path, Path], Started]]] = {
    "files": _files,
    "dicomweb": _dicomweb,
    "dimse": _dimse,
    "dimse-tls": _dimse_tls,
}

Needed = tuple[dict[str, str], dict[str, str]]
"""Addresses for `Peers`, and variables of the environment."""


@contextmanager
def _s3(room: Path) -> Iterator[Needed]:
    """An object store with two buckets: box is empty, bucket has seg.dcm."""
    import pytest

    pytest.importorskip("obstore")
    client_of = pytest.importorskip("boto3").client
    server = pytest.importorskip("moto.server").ThreadedMotoServer(
        ip_address="127.0.0.1", port=0, verbose=False
    )
    server.start()
    try:
        host, port = server.get_host_and_port()
        keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
        client = client_of(
            "s3",
            endpoint_url=f"http://{host}:{port}",
            region_name="us-east-1",
            aws_access_key_id="id",
            aws_secret_access_key="secret",  # noqa: S106 - moto takes any
        )
        client.create_bucket(Bucket="box")
        client.create_bucket(Bucket="bucket")
        if not (room / "seg.dcm").exists():
            write_segmentation(room / "seg.dcm")
        client.upload_file(str(room / "seg.dcm"), "bucket", "seg.dcm", ExtraArgs={"ACL": "public-read"})
        yield {}, {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ALLOW_HTTP": "true", **keys}
    finally:
        server.stop()


@contextmanager
def _dask(_room: Path) -> Iterator[Needed]:
    import pytest

    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        host="127.0.0.1",
        silence_logs=50,
    ) as cluster:
        yield {"dask": cluster.scheduler_address}, {}


@contextmanager
def _postgresql(_room: Path) -> Iterator[Needed]:
    from database_servers import postgresql

    with postgresql() as url:
        yield {"postgresql": url}, {}


NEEDS: Final[dict[str, Callable[[Path], AbstractContextManager[Needed]]]] = {
    "s3": _s3,
    "dask": _dask,
    "postgresql": _postgresql,
}
"""What "sh needs NAME" may name beside packages of Python: what it starts."""
