# SPDX-License-Identifier: Apache-2.0
"""Coroutines that are cancelled leave nothing open."""

import asyncio
import gc
import threading
from pathlib import Path
from typing import Any

import pytest

from dicom_writer import data_set, deflate, image, padded, part10, pixel_data
from framedeflate import AsyncFrameReader, async_reader
from framedeflate.open_source import open_source

FILE = part10(data_set(image(rows=8, columns=8, frames="3")) + pixel_data([padded(deflate(bytes(8)))] * 3))


@pytest.mark.parametrize("late", [True, False])
def test_what_was_opened_for_a_cancelled_coroutine_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, late: bool
) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(FILE)
    begun, go_on, opened = threading.Event(), threading.Event(), []

    def slowly(*arguments: Any, **named: Any) -> Any:
        begun.set()
        assert go_on.wait(5)
        opened.append(open_source(*arguments, **named))
        return opened[0]

    monkeypatch.setattr(async_reader, "open_source", slowly)

    async def cancel() -> None:
        opening = asyncio.create_task(AsyncFrameReader.open(path))
        await asyncio.to_thread(begun.wait, 5)
        if late:
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            go_on.set()
        else:
            # The file is open, and the coroutine was not told yet.
            go_on.set()
            while not opened:
                pass
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening

    asyncio.run(cancel())
    with pytest.raises(ValueError, match="closed"):
        opened[0].get_range(0, 1)
    # pytest turns the warning of a file left open into an error.
    opened.clear()
    gc.collect()
