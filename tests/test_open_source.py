# SPDX-License-Identifier: Apache-2.0
"""Whatever a user has of a file answers the same ranges, and stays open where it was the user's."""

import io
import os
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from corpus import WHEEL, wheel_file
from counting_source import CountingSource
from framedeflate import FrameReader
from framedeflate.byte_source import AsyncByteSource, BytesSource, FileSource, RangesSource, read_ranges
from framedeflate.errors import RemoteSourceError, UnsupportedSourceError
from framedeflate.file_object import FileObjectSource
from framedeflate.open_source import close_source, open_source
from framedeflate.remote_source import RemoteSource, is_url, shown_url
from range_server import RangeServer

PATH = wheel_file("MR_small.dcm")
DATA = PATH.read_bytes()
RANGES = [(0, 10), (9000, 9100), (500, 500), (len(DATA) - 5, len(DATA) + 50), (4, 8), (1 << 40, 1 << 41)]


@pytest.fixture(scope="module")
def server() -> Iterator[RangeServer]:
    with RangeServer({"f.dcm": PATH, "folder/a b.dcm": DATA}) as running:
        yield running


@pytest.fixture
def in_zip(tmp_path: Path) -> Iterator[Any]:
    with zipfile.ZipFile(tmp_path / "f.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("f.dcm", DATA)
    with zipfile.ZipFile(tmp_path / "f.zip") as archive, archive.open("f.dcm") as member:
        yield member


class OneByteReads(io.BytesIO):
    """Answers less than it was asked for, as raw files may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 700))


def makers(server: RangeServer, in_zip: Any, tmp_path: Path) -> dict[str, Callable[[], Any]]:
    spooled = tempfile.SpooledTemporaryFile(max_size=1 << 20)  # noqa: SIM115 - closed below
    spooled.write(DATA)
    return {
        "str": lambda: str(PATH),
        "path": lambda: PATH,
        "file url": PATH.as_uri,
        "bytes": lambda: DATA,
        "bytearray": lambda: bytearray(DATA),
        "memoryview": lambda: memoryview(DATA),
        "BytesIO": lambda: io.BytesIO(DATA),
        "short reads": lambda: OneByteReads(DATA),
        "zip": lambda: in_zip,
        "spooled": lambda: spooled,
        "source": lambda: CountingSource(DATA),
        "http": lambda: server.url("f.dcm"),
        "http upper case": lambda: server.url("folder/a b.dcm").replace("http", "HTTP"),
    }


def test_all_of_them_answer_the_same(server: RangeServer, in_zip: Any, tmp_path: Path) -> None:
    expected = [DATA[start:stop] for start, stop in RANGES]
    with FrameReader.open(PATH) as local:
        pixels = local[0].tobytes()
    for name, make in makers(server, in_zip, tmp_path).items():
        given = make()
        opened = open_source(given)
        assert opened.nbytes == len(DATA), name
        assert [opened.get_range(start, stop) for start, stop in RANGES] == expected, name
        assert read_ranges(opened, RANGES) == expected, name
        reader = FrameReader(opened)
        assert reader[0].tobytes() == pixels, name
        close_source(opened, given)
        if hasattr(given, "read"):
            given.seek(0)
            assert given.read(4) == DATA[:4], f"{name} is the caller's"
            given.close()


@pytest.mark.parametrize("buffering", [0, -1])
def test_the_position_of_an_open_file_is_left_alone(tmp_path: Path, buffering: int) -> None:
    """A forked process has the same one, and would read what its parent asked for."""
    path = tmp_path / "f.dcm"
    path.write_bytes(DATA)
    with path.open("rb", buffering=buffering) as given:
        given.seek(17)
        opened = open_source(given)
        assert opened.nbytes == len(DATA)
        assert [opened.get_range(start, stop) for start, stop in RANGES] == [
            DATA[start:stop] for start, stop in RANGES
        ]
        assert (given.tell(), os.lseek(given.fileno(), 0, os.SEEK_CUR)) == (17, 17)
        close_source(opened, given)
        assert not given.closed
    # What was written and not flushed is not in the file yet.
    with path.open("r+b") as given:
        given.write(b"new")
        assert open_source(given).get_range(0, 4) == b"new" + DATA[3:4]


def test_which_is_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = CountingSource(DATA)
    assert open_source(source) is source
    assert isinstance(open_source(b""), BytesSource)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "http:").mkdir()
    (tmp_path / "http:" / "x").write_bytes(b"local")
    for path in (Path("http:/x"), "http:/x", "./http://x"):
        opened = open_source(path)
        assert isinstance(opened, FileSource)
        assert opened.get_range(0, 9) == b"local"
        close_source(opened, path)
    for text in (
        "C:\\x\\y",
        "C:/x",
        "C://x",
        "c:x",
        "//server/share",
        "\\\\server\\share",
        "a/b://c",
        "s3:x",
    ):
        assert not is_url(text)
    with pytest.raises(FileNotFoundError):
        open_source("C://x")
    with pytest.raises(RemoteSourceError) as caught:
        open_source("ftp://user:secret@host/f")
    assert caught.value.kind == "url"
    assert "secret" not in str(caught.value)
    with pytest.raises(RemoteSourceError, match="another machine"):
        open_source("file://elsewhere/f")
    with pytest.raises(UnsupportedSourceError) as wrong:
        open_source(17)  # type: ignore[arg-type]
    assert wrong.value.kind == "unknown"
    with (
        zipfile.ZipFile(tmp_path / "f.zip", "w") as archive,
        pytest.raises(UnsupportedSourceError, match="its open"),
    ):
        open_source(zipfile.Path(archive, "f"))  # type: ignore[arg-type]


def test_the_protocols(server: RangeServer) -> None:
    with RemoteSource.open(server.url("f.dcm")) as remote:
        assert isinstance(remote, RangesSource)
        assert isinstance(remote, AsyncByteSource)
    assert not isinstance(CountingSource(b""), RangesSource)


def test_file_objects_that_cannot(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("text")
    with (tmp_path / "f").open(encoding="ascii") as text, pytest.raises(UnsupportedSourceError) as caught:
        FileObjectSource(text)  # type: ignore[arg-type]
    assert caught.value.kind == "text-mode"
    with pytest.raises(UnsupportedSourceError) as caught:
        FileObjectSource(io.StringIO("text"))  # type: ignore[arg-type]
    assert caught.value.kind == "text-mode"
    read, write = os.pipe()
    os.close(write)
    with os.fdopen(read, "rb") as pipe, pytest.raises(UnsupportedSourceError) as caught:
        FileObjectSource(pipe)
    assert caught.value.kind == "unseekable"
    with pytest.raises(UnsupportedSourceError) as caught:
        FileObjectSource(object())  # type: ignore[arg-type]
    assert caught.value.kind == "unknown"


def test_a_file_object_that_does_not_block() -> None:
    class NotYet(io.BytesIO):
        def read(self, size: int | None = -1, /) -> Any:
            return None if size else b""

    with pytest.raises(UnsupportedSourceError) as caught:
        FileObjectSource(NotYet(b"12345")).get_range(0, 3)
    assert caught.value.kind == "non-blocking"


def test_it_closes_what_it_is_asked_to() -> None:
    kept, closed = io.BytesIO(DATA), io.BytesIO(DATA)
    with FileObjectSource(kept), FileObjectSource(closed, close_file=True):
        pass
    assert not kept.closed
    assert closed.closed


def test_threads_take_turns_on_one_position() -> None:
    class Slow(io.BytesIO):
        def seek(self, *arguments: int) -> int:
            found = super().seek(*arguments)
            threading.Event().wait(0.0005)
            return found

    source = FileObjectSource(Slow(DATA))
    wrong: list[int] = []

    def read(index: int) -> None:
        for start in range(index, 2000, 100):
            if source.get_range(start, start + 50) != DATA[start : start + 50]:
                wrong.append(start)

    threads = [threading.Thread(target=read, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@host:8443/a/b.dcm?X-Amz-Signature=k#f", "https://host:8443/a/b.dcm"),
        ("https://host?sig=k", "https://host"),
        ("http://pw@@host/a", "http://host/a"),
        ("http://user:p/w@host/a", "http://host/a"),
        ("http://[::1]:80/a@b", "http://[::1]:80/a@b"),
        ("http://[::1/x?k", "http://[::1/x"),
        ("abfs://box@account.dfs.core.windows.net/x?sig=k", "abfs://box@account.dfs.core.windows.net/x"),
        ("http://host/a\r\nSet: b", "http://host/a??Set: b"),
    ],
)
def test_what_of_a_url_is_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_long_urls_are_cut() -> None:
    assert len(shown_url("http://host/" + "x" * 5000)) < 400


def test_the_folder_of_the_test_files_is_no_source() -> None:
    with pytest.raises(IsADirectoryError, match="a file is needed"):
        open_source(WHEEL)
