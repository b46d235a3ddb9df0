# SPDX-License-Identifier: Apache-2.0
"""Which engine is chosen, what is said about it, and what is imported for it; each in a process of its own."""

import importlib.util
import os
import subprocess
import sys

import pytest

HAS_NATIVE = importlib.util.find_spec("framedeflate._native") is not None

# An installation without the core, wherever these tests run.
NO_NATIVE = """
import sys
sys.modules["framedeflate._native"] = None
"""
USE = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import framedeflate.engine as engine
    imported = len(caught)
    streams = engine.deflate_frames(bytes(100), 50, 8, 1, 1)
    engine.deflate_frames(bytes(100), 50, 8, 1, 1)
    engine.inflate_frames(streams, 50, bytearray(100), 1)
print(engine.name, imported, len(caught), *[w.category.__name__ for w in caught])
print(*[w.message for w in caught])
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("FRAMEDEFLATE_")}
    return subprocess.run(
        [sys.executable, "-c", code], env=inherited | environment, capture_output=True, text=True, check=False
    )


def test_reference_with_one_warning_at_first_use() -> None:
    result = run(NO_NATIVE + USE)
    assert result.stdout.split("\n")[0] == "reference 0 1 RuntimeWarning"
    assert "times slower" in result.stdout
    assert "pip install" in result.stdout


def test_reference_by_choice_without_a_warning() -> None:
    assert run(USE, FRAMEDEFLATE_ENGINE="reference").stdout.split("\n")[0] == "reference 0 0"


@pytest.mark.skipif(not HAS_NATIVE, reason="this installation has no C++ core")
@pytest.mark.parametrize(
    "environment", [{}, {"FRAMEDEFLATE_ENGINE": "native"}, {"FRAMEDEFLATE_REQUIRE_NATIVE": "1"}]
)
def test_native(environment: dict[str, str]) -> None:
    assert run(USE, **environment).stdout.split("\n")[0] == "native 0 0"


@pytest.mark.parametrize(
    "environment", [{"FRAMEDEFLATE_ENGINE": "native"}, {"FRAMEDEFLATE_REQUIRE_NATIVE": "1"}]
)
def test_a_missing_core_that_is_required(environment: dict[str, str]) -> None:
    result = run(NO_NATIVE + USE, **environment)
    assert result.returncode != 0
    assert "ImportError: framedeflate's C++ core is missing" in result.stderr
    assert "pip install" in result.stderr


def test_an_engine_that_there_is_not() -> None:
    result = run(USE, FRAMEDEFLATE_ENGINE="gpu")
    assert result.returncode != 0
    assert 'FRAMEDEFLATE_ENGINE is "gpu"' in result.stderr


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, framedeflate.engine; print(*sorted({'pydicom', 'rich', 'deflate'} & set(sys.modules)))"
    )
    assert run(code, FRAMEDEFLATE_ENGINE="reference").stdout == "\n"
    if HAS_NATIVE:
        assert run(code).stdout == "\n"
