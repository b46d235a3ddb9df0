# SPDX-License-Identifier: Apache-2.0
"""A thousand instances over four associations, with a peer that dies, is full, and comes back."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from dimse_peers import EXPLICIT, FRAMES, IMPLICIT, node, storescp
from dimse_sources import copies, made_sources
from framedeflate import compress_file
from framedeflate.dimse.send_result import SendResult
from framedeflate.dimse.sender import send_files

pytestmark = pytest.mark.soak


def thousand(folder: Path) -> list[Path]:
    """Deflated, each another instance."""
    (folder / "sources").mkdir()
    native = copies(made_sources(folder / "sources").native, folder / "native", 1000)
    (folder / "deflated").mkdir()
    for path in native:
        compress_file(path, folder / "deflated" / path.name)
    return [folder / "deflated" / path.name for path in native]


def send(port: int, paths: list[Path], say: Callable[[str], None]) -> list[SendResult]:
    started = time.monotonic()
    results = send_files("127.0.0.1", port, paths, associations=4, retry_seconds=0.05)
    seconds = time.monotonic() - started
    counts = Counter((one.status, one.sent_as) for one in results)
    say(f"send: {dict(counts)} in {seconds:.0f} s, {sum(one.attempts for one in results)} attempts")
    return results


def test_a_thousand_over_four_associations(room: Path, say: Callable[[str], None]) -> None:
    paths = thousand(room)
    with node(FRAMES, EXPLICIT, IMPLICIT) as peer:
        # Full now and then, and dying in between.
        peer.statuses = [0xA700 if number % 50 == 7 else 0 for number in range(1000)]
        peer.die_after = 333
        results = send(peer.port, paths, say)
    assert Counter((one.status, one.sent_as) for one in results) == {("stored", "stored"): 1000}
    assert sum(one.attempts for one in results) > 1000
    arrived = {arrival.sop_instance_uid: arrival for arrival in peer.arrivals}
    assert len(peer.arrivals) == len(arrived) == 1000
    for one in results:
        data = one.path.read_bytes()
        assert data.endswith(arrived[one.sop_instance_uid].data_set)


def test_a_thousand_to_a_peer_that_does_not_know_the_syntax(room: Path, say: Callable[[str], None]) -> None:
    paths = thousand(room)
    with storescp(room / "got", "--fork") as port:
        results = send(port, paths, say)
    assert Counter((one.status, one.sent_as) for one in results) == {("stored", "explicit"): 1000}
    expected = pydicom.dcmread(room / "sources" / "native.dcm").pixel_array
    received = [pydicom.dcmread(path) for path in (room / "got").iterdir()]
    assert len({one.SOPInstanceUID for one in received}) == 1000
    for one in received:
        assert np.array_equal(one.pixel_array, expected)
