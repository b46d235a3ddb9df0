# SPDX-License-Identifier: Apache-2.0
"""How much hypothesis tries: `fast` in every run, `soak` with HYPOTHESIS_PROFILE=soak. And what tests share."""

import importlib
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]

# No deadline: a shared machine is sometimes slow, and no test here is about time.
settings.register_profile(
    "fast", max_examples=60, deadline=None, derandomize=True, suppress_health_check=_QUIET
)
settings.register_profile("soak", max_examples=5000, deadline=None, suppress_health_check=_QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


@pytest.fixture(scope="session", params=["_native", "_reference"])
def core(request: pytest.FixtureRequest) -> Any:
    """Return both engines, one after the other: the C++ core and the reference."""
    if (
        request.param == "_native"
        and importlib.util.find_spec("framedeflate._native") is None
        and os.environ.get("FRAMEDEFLATE_REQUIRE_NATIVE", "0") in {"", "0"}
    ):
        pytest.skip("this installation has no C++ core")
    return importlib.import_module(f"framedeflate.{request.param}")


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Where the transcoded files of a run lie."""
    # Not tmp_path: pytest keeps those of three runs, and these are 60 MB.
    with TemporaryDirectory() as name:
        yield Path(name)
