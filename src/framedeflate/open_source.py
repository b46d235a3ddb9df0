# SPDX-License-Identifier: Apache-2.0
"""Whatever a user has of a file, as a source of byte ranges."""

import io
import os
import stat
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from framedeflate.byte_source import ByteSource, BytesSource, FileSource
from framedeflate.errors import RemoteSourceError, UnsupportedSourceError
from framedeflate.file_object import FileObjectSource, SeekableFile

__all__ = ["Openable", "close_source", "open_source"]

Openable: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | SeekableFile | ByteSource"
"""What `open_source` takes."""


def open_source(source: Openable, *, options: Mapping[str, Any] | None = None) -> ByteSource:
    """Return a source of byte ranges; `close_source` ends its use.

    Parameters
    ----------
    source : str, path, bytes-like, binary file object or ByteSource
        A string with a scheme of two letters or more and "://" is a URL (http, https, s3, gs, az, abfs, file), every
        other string is a path, as every `os.PathLike` is: ``Path("http://x")`` is a file in a folder named "http:".
        What has `nbytes` and `get_range` is a ByteSource and returned as it is.
    options : mapping, optional
        For URLs, see `RemoteSource.open`; ignored for what lies here.

    Raises
    ------
    OSError
        A path cannot be read; a `RemoteSourceError` where a URL cannot.
    UnsupportedSourceError
        It is none of these, or a file object in text mode, or one that cannot seek.
    MissingExtraError
        A URL of an object store, and the extra "remote" is not installed.
    """
    if isinstance(source, str) and "://" in source:
        opened = _open_url(source, options)
        if opened is not None:
            return opened
    if isinstance(source, str | os.PathLike):
        return FileSource.open(os.fsdecode(source))
    if isinstance(source, bytes | bytearray | memoryview):
        return BytesSource(source)
    if hasattr(source, "get_range") and hasattr(source, "nbytes"):
        return cast("ByteSource", source)
    if hasattr(source, "read"):
        return _open_file(source)
    what = f"{type(source).__name__} is no path, URL, bytes, binary file object or ByteSource"
    if callable(getattr(source, "open", None)):
        what += "; give what its open method returns"  # fsspec.open, zipfile.Path
    raise UnsupportedSourceError(what, kind="unknown")


def _open_file(file: Any) -> ByteSource:
    raw = file.raw if type(file) is io.BufferedReader else file
    if type(raw) is io.FileIO and raw.readable() and stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
        # Its position is shared with whoever else reads from it, processes forked later included: it is left alone.
        return FileSource(file, close_file=False)
    return FileObjectSource(file)


def close_source(opened: ByteSource, given: object) -> None:
    """Close what `open_source` opened for `given`: never a ByteSource or a file object that the caller gave."""
    close = getattr(opened, "close", None)
    if opened is not given and close is not None:
        close()


def _open_url(text: str, options: Mapping[str, Any] | None) -> ByteSource | None:
    """Return None for a path that looks a little like a URL. Imported here: local files need no HTTP client."""
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    from framedeflate.remote_source import RemoteSource, is_url

    if not is_url(text):
        return None
    if text.lower().startswith("file://"):
        parts = urlsplit(text)
        if parts.netloc not in {"", "localhost"}:
            raise RemoteSourceError(
                "a file URL of another machine; give its path there", kind="url", position=0
            )
        return FileSource.open(url2pathname(parts.path))
    return RemoteSource.open(text, options=options)
