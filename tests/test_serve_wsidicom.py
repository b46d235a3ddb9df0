# SPDX-License-Identifier: Apache-2.0
"""wsidicom opens a deflated slide from the server, as it is: it asks for native Frames, and gets them."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("highdicom")
pytest.importorskip("starlette")
from ecosystem.samples import slide
from framedeflate import compress_file
from peers import miss_tool
from web_server import put_in_store, running_server

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def test_a_deflated_slide_is_read_over_the_web(tmp_path: Path) -> None:
    if find_spec("wsidicom") is None:
        miss_tool("wsidicom")
    from wsidicom import WsiDicom, WsiDicomWebClient

    class Client(WsiDicomWebClient):  # type: ignore[misc,unused-ignore]
        def get_frames(self, *arguments: Any) -> Iterator[bytes]:
            # dicomweb-client gives bytearrays, which wsidicom's decoder of native Frames takes for many values.
            return map(bytes, super().get_frames(*arguments))

    dataset = slide()
    tiles = np.frombuffer(dataset.PixelData, np.uint8).reshape(2, 3, 32, 32, 3)
    dataset.save_as(tmp_path / "native.dcm", enforce_file_format=True)
    compress_file(tmp_path / "native.dcm", tmp_path / "slide.dcm")
    put_in_store(tmp_path / "store", tmp_path / "slide.dcm")
    with running_server(tmp_path / "store") as base_url:
        client = Client.create_client(f"{base_url}/dicomweb")
        with WsiDicom.open_web(client, dataset.StudyInstanceUID, dataset.SeriesInstanceUID) as opened:
            region = np.asarray(opened.read_region((0, 0), 0, (96, 64)))
    assert np.array_equal(region, tiles.transpose(0, 2, 1, 3, 4).reshape(64, 96, 3))
