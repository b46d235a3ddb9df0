# SPDX-License-Identifier: Apache-2.0
import json
import multiprocessing
import os
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames

from framedeflate.errors import FrameDecodeError
from framedeflate.foreign import decoder_process
from framedeflate.foreign.decoder_process import decode_frame_apart
from peers import PYDICOM_FILES

JPEG_LS = "1.2.840.10008.1.2.4.80"
SHARED = decoder_process._shared


@pytest.fixture(scope="module")
def source() -> tuple[dict[str, Any], bytes, bytes]:
    """Options, codestream and pixels of an image."""
    ds = pydicom.dcmread(PYDICOM_FILES / "MR_small_jpeg_ls_lossless.dcm")
    names = ("Rows", "Columns", "BitsAllocated", "BitsStored", "SamplesPerPixel", "PixelRepresentation")
    keys = ("rows", "columns", "bits_allocated", "bits_stored", "samples_per_pixel", "pixel_representation")
    options = dict(zip(keys, (ds[name].value for name in names), strict=True))
    options |= {"number_of_frames": 1, "photometric_interpretation": "MONOCHROME2", "planar_configuration": 0}
    return options, next(generate_frames(ds.PixelData, number_of_frames=1)), ds.pixel_array.tobytes()


def decode(options: dict[str, Any], frame: bytes) -> bytes:
    array, photometric = decode_frame_apart(
        JPEG_LS, frame, options, shape=(64, 64), frame_nbytes=8192, frame_number=9
    )
    assert photometric == "MONOCHROME2"
    return array.tobytes()


def test_frames_are_decoded_from_several_threads(source: tuple[dict[str, Any], bytes, bytes]) -> None:
    options, frame, pixels = source
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: decode(options, frame), range(20))) == {pixels}


def test_the_process_is_kept_and_started_again_after_its_death(
    source: tuple[dict[str, Any], bytes, bytes],
) -> None:
    options, frame, pixels = source
    assert decode(options, frame) == pixels
    first = SHARED._process
    assert first is not None
    assert decode(options, frame) == pixels
    assert SHARED._process is first
    first.kill()
    first.wait()
    assert decode(options, frame) == pixels
    assert SHARED._process is not first


def test_a_decoder_that_does_not_end_is_ended(
    source: tuple[dict[str, Any], bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    options, frame, pixels = source
    assert decode(options, frame) == pixels
    monkeypatch.setattr(decoder_process, "_LEAST_SECONDS", 0.2)
    # CharLS takes some twenty seconds to give up a stream cut short; a version that does not is as welcome.
    with pytest.raises(FrameDecodeError) as caught:
        decode(options, frame[:600])
    assert (caught.value.kind, caught.value.frame_number) == ("bad-data", 9)
    monkeypatch.undo()
    assert decode(options, frame) == pixels


# Python 3.12 and later comment on threads, which zarr's tests, for one, leave behind.
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_gets_a_process_of_its_own(source: tuple[dict[str, Any], bytes, bytes]) -> None:
    if sys.platform != "linux":
        pytest.skip("os.fork is safe on Linux alone")
    options, frame, pixels = source
    assert decode(options, frame) == pixels
    queue = multiprocessing.get_context("fork").SimpleQueue()

    def child() -> None:
        queue.put((decode(options, frame), SHARED._process.pid if SHARED._process else 0))
        SHARED.stop()

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    theirs, pid = queue.get()
    process.join()
    assert theirs == pixels
    assert SHARED._process is not None
    assert pid not in (0, SHARED._process.pid)
    assert decode(options, frame) == pixels


@pytest.mark.parametrize(
    "reply",
    [
        None,
        ({}, b""),
        ({"dtype": "<u2", "shape": [64, 64]}, bytes(8191)),
        ({"dtype": "<u2", "shape": [64, 63]}, bytes(8192)),
        ({"dtype": "|O8", "shape": [64, 64]}, bytes(8 * 4096)),
    ],
)
def test_a_reply_is_believed_only_as_far_as_asked(reply: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SHARED, "ask", lambda *_: reply)
    with pytest.raises(FrameDecodeError) as caught:
        decode_frame_apart(JPEG_LS, b"", {}, shape=(64, 64), frame_nbytes=8192, frame_number=None)
    assert caught.value.kind == "bad-data"


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        struct.pack("<IQ", 5, 0) + b"{}",
        struct.pack("<IQ", 2, 1 << 40) + b"{}",
        struct.pack("<IQ", 1 << 30, 0),
        struct.pack("<IQ", 3, 0) + b"{]}",
    ],
)
def test_nonsense_on_the_pipe_is_a_typed_error(reply: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"import sys; sys.stdin.buffer.read(1); sys.stdout.buffer.write({reply!r})"
    start = subprocess.Popen
    monkeypatch.setattr(
        subprocess,
        "Popen",
        lambda _args, **kwargs: start([sys.executable, "-c", code], **kwargs),
    )
    SHARED.stop()
    with pytest.raises(FrameDecodeError) as caught:
        decode_frame_apart(JPEG_LS, bytes(100), {}, shape=(1, 1), frame_nbytes=1, frame_number=None)
    assert caught.value.kind == "bad-data"
    assert SHARED._process is None


def test_what_libraries_print_does_not_reach_the_replies(source: tuple[dict[str, Any], bytes, bytes]) -> None:
    options, frame, pixels = source
    request = json.dumps({"transfer_syntax_uid": JPEG_LS, "options": options}).encode()
    code = (
        "import os, framedeflate.foreign.decoder_process as p, framedeflate.pydicom_bridge as b\n"
        "decode = b.decode_frame_array\n"
        "def noisy(*args):\n"
        "    os.write(1, b'noise')\n"
        "    print('noise', flush=True)\n"
        "    return decode(*args)\n"
        "b.decode_frame_array = noisy\n"
        "p._serve()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=struct.pack("<IQ", len(request), len(frame)) + request + frame,
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    nbytes, body = struct.unpack_from("<IQ", done.stdout)
    assert done.stdout[12 + nbytes :] == pixels
    assert body == len(pixels) == np.prod(json.loads(done.stdout[12 : 12 + nbytes])["shape"]) * 2
