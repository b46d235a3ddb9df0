# SPDX-License-Identifier: Apache-2.0
"""The decoders of others in a process of their own, where they may crash, hang, warn and print.

They are C and C++ libraries that meet files from strangers. GDCM ends its process on many a damaged JPEG, which
would end a run over a thousand files at the first. The process is started with the first foreign Frame and kept.
"""

import atexit
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, Final

from framedeflate.errors import FrameDecodeError, UnsupportedImageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["decode_frame_apart"]

_DTYPES: Final = frozenset(f"{order}{kind}{size}" for order in "<|" for kind in "iu" for size in (1, 2, 4, 8))
_MAX_REPLY_NBYTES: Final = 4096
_START_SECONDS: Final = 60.0
_LEAST_SECONDS: Final = 10.0
_LEAST_NBYTES_A_SECOND: Final = 1 << 20


class _DecoderProcess:
    """One child process, started when needed and again after it died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._inherited: list[subprocess.Popen[bytes]] = []

    def _running(self) -> tuple[subprocess.Popen[bytes], float]:
        """Return the process, and the seconds that it may need to get ready."""
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        seconds = 0.0
        if self._process is None:
            seconds = _START_SECONDS
            if not sys.executable:
                raise UnsupportedImageError(
                    "there is no Python executable to run a decoder with; convert the file first",
                    kind="decoder",
                )
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-W", "ignore", "-m", "framedeflate.foreign.decoder_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            )
        return self._process, seconds

    def ask(
        self, request: Mapping[str, Any], frame: bytes, limit_nbytes: int
    ) -> tuple[dict[str, Any], bytes] | None:
        """Return the reply and its bytes; None where the process died, was too slow, or answered nonsense."""
        with self._lock:
            process, seconds = self._running()
            seconds += _LEAST_SECONDS + limit_nbytes / _LEAST_NBYTES_A_SECOND
            watchdog = threading.Timer(seconds, process.kill)
            watchdog.daemon = True
            watchdog.start()
            try:
                return _exchange(process, request, frame, limit_nbytes)
            except (OSError, EOFError, ValueError, KeyError, TypeError):
                self.stop()
                return None
            finally:
                watchdog.cancel()

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            for pipe in (self._process.stdin, self._process.stdout):
                _close(pipe)
            self._process.wait()
            self._process = None

    def forget(self) -> None:
        """Leave the process to the one that was forked from: on one pipe, two would read each other's answers."""
        if self._process is not None:
            self._inherited.append(self._process)
            self._process = None
        self._lock = threading.Lock()


def _close(pipe: IO[bytes] | None) -> None:
    try:
        if pipe is not None:
            pipe.close()
    except OSError:
        # What was not yet sent has no reader any more.
        return


def _exchange(
    process: "subprocess.Popen[bytes]", request: Mapping[str, Any], frame: bytes, limit_nbytes: int
) -> tuple[dict[str, Any], bytes]:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    _send(process.stdin, dict(request), frame)
    # What comes back is only believed within what was asked for: the process may have been overrun by its input.
    return _receive(process.stdout, limit_nbytes)


def _send(pipe: IO[bytes], header: dict[str, Any], body: bytes) -> None:
    text = json.dumps(header).encode("ascii")
    pipe.write(struct.pack("<IQ", len(text), len(body)) + text)
    pipe.write(body)
    pipe.flush()


def _receive(pipe: IO[bytes], limit_nbytes: int | None = None) -> tuple[dict[str, Any], bytes]:
    text_nbytes, body_nbytes = struct.unpack("<IQ", _read(pipe, 12))
    if limit_nbytes is not None and (text_nbytes > _MAX_REPLY_NBYTES or body_nbytes > limit_nbytes):
        raise ValueError
    header: dict[str, Any] = json.loads(_read(pipe, text_nbytes))
    return header, _read(pipe, body_nbytes)


def _read(pipe: IO[bytes], nbytes: int) -> bytes:
    data = pipe.read(nbytes)
    if len(data) != nbytes:
        raise EOFError
    return data


_shared: Final = _DecoderProcess()
atexit.register(_shared.stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_shared.forget)


def decode_frame_apart(
    transfer_syntax_uid: str,
    frame: bytes,
    options: Mapping[str, Any],
    *,
    shape: tuple[int, ...],
    frame_nbytes: int,
    frame_number: int | None,
) -> "tuple[NDArray[np.generic], str]":
    """Decode one Frame as `pydicom_bridge.decode_frame_array` does, in the other process.

    Parameters
    ----------
    frame : bytes
        The codestream: all Fragments of the Frame joined.
    options : mapping
        pydicom's names for the Image Pixel attributes, and switches of its decoders.
    shape : tuple of int
        What the array must have.
    frame_nbytes : int
        Size of the native Frame in bytes.

    Returns
    -------
    array : numpy.ndarray
        Of `shape`; items of Bits Allocated, one byte for 1 bit.
    photometric_interpretation : str
        Of that array.

    Raises
    ------
    FrameDecodeError
        kind ``bad-data``: it cannot be decoded, its decoder crashed, or took more than 10 seconds and 8 for each
        MiB of the Frame (some need that long to give up a stream cut short).
    """
    import numpy as np

    # 1-bit pixels come back as a byte each.
    limit_nbytes = 8 * frame_nbytes
    request = {"transfer_syntax_uid": transfer_syntax_uid, "options": dict(options)}
    reply = _shared.ask(request, frame, limit_nbytes)
    if reply is None:
        what = "the decoder crashed on it, or did not end"
    else:
        header, body = reply
        if header.get("dtype") in _DTYPES and tuple(header.get("shape", ())) == shape:
            dtype = np.dtype(header["dtype"])
            if len(body) == dtype.itemsize * int(np.prod(shape)):
                return np.frombuffer(body, dtype).reshape(shape), str(
                    header.get("photometric_interpretation")
                )
        what = "it is damaged, or not of this image"
    raise FrameDecodeError(
        f"its codestream of {len(frame)} bytes cannot be decoded (Transfer Syntax {transfer_syntax_uid}): {what}",
        kind="bad-data",
        expected_nbytes=frame_nbytes,
        consumed_nbytes=0,
        frame_number=frame_number,
    )


def _serve() -> None:
    """Answer requests on standard input until it ends."""
    # The libraries print to standard output at will: replies go where they cannot reach.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    from framedeflate.pydicom_bridge import DECODER_ERRORS, decode_frame_array

    while True:
        try:
            request, frame = _receive(sys.stdin.buffer)
        except EOFError:
            return
        try:
            array, photometric = decode_frame_array(request["transfer_syntax_uid"], frame, request["options"])
        except DECODER_ERRORS:
            _send(replies, {}, b"")
        else:
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            header = {
                "dtype": little.dtype.str,
                "shape": little.shape,
                "photometric_interpretation": photometric,
            }
            _send(replies, header, little.tobytes())


if __name__ == "__main__":
    _serve()
