# SPDX-License-Identifier: Apache-2.0
"""The contest of bare inflaters still builds, runs and checks, where libdeflate's headers are."""

from pathlib import Path

import pytest

import native_contest
import rivals
from frame_sets import made_sets
from interleave import WrongResultError

pytestmark = pytest.mark.soak


def test_bare_inflaters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = native_contest.build(tmp_path)
    if program is None:
        pytest.skip(capsys.readouterr().out.strip())
    assert native_contest.libdeflate_version(program)[0].isdigit()
    frames = made_sets()[0].few(2)
    streams = rivals.ours(1)(frames)
    times = native_contest.run(program, frames, streams, 1)
    assert set(times) == {"zlib", "libdeflate", "libdeflate with slack", "ours"}
    assert all(time > 0 for time in times.values())
    with pytest.raises(WrongResultError, match="zlib refuses a stream"):
        native_contest.run(program, frames, [streams[0], streams[1][:-1]], 1)
