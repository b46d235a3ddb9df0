# SPDX-License-Identifier: Apache-2.0
"""What a release promises of itself, as far as files say it; `make wheels` builds and tries the rest."""

import ast
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import framedeflate
from framedeflate.extras import EXTRAS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FORGE = ROOT / ".github"
PINNED = re.compile(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def forge_files() -> list[Path]:
    # An sdist has none.
    return sorted(FORGE.rglob("*.yml")) if FORGE.is_dir() else []


def yaml_of(path: Path) -> dict[Any, Any]:
    yaml = pytest.importorskip("yaml")
    content: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


@pytest.mark.skipif(
    "FRAMEDEFLATE_INSTALLED" not in os.environ, reason="`make wheels` says where it installed"
)
def test_what_is_tested_is_what_was_installed() -> None:
    assert Path(framedeflate.__file__).is_relative_to(os.environ["FRAMEDEFLATE_INSTALLED"])


def test_the_version_is_said_once_and_cited() -> None:
    assert framedeflate.__version__ == version("framedeflate")
    assert f"\nversion: {PROJECT['project']['version']}\n" in text_of("CITATION.cff")


def test_a_tag_is_held_against_the_files(tmp_path: Path) -> None:
    check = [sys.executable, str(ROOT / "release/check_tag.py")]
    wrong = subprocess.run([*check, "v0.0.9"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert "v0.0.9" in wrong.stdout

    copy = tmp_path / "release"
    copy.mkdir()
    (copy / "check_tag.py").write_text(text_of("release/check_tag.py"), encoding="utf-8")
    for name in ("pyproject.toml", "CITATION.cff"):
        (tmp_path / name).write_text(text_of(name), encoding="utf-8")
    here = PROJECT["project"]["version"]
    (tmp_path / "CHANGELOG.md").write_text(f"# Changes\n\n## [{here}] - 2026-01-31\n", encoding="utf-8")
    right = subprocess.run([sys.executable, str(copy / "check_tag.py"), f"v{here}"], check=False)
    assert right.returncode == 0


def test_the_address_is_the_same_everywhere() -> None:
    address = PROJECT["project"]["urls"]["Source"]
    owner = re.fullmatch(r"https://github\.com/([\w-]+/[\w-]+)", address)
    assert owner
    places = [
        "pyproject.toml",
        "mkdocs.yml",
        "CITATION.cff",
        "SECURITY.md",
        "docs/install.md",
        "docs/releasing.md",
    ]
    said = {
        (name, found.group(1))
        for name in places
        for found in re.finditer(
            r"(?:github\.com/|githubusercontent\.com/| -R )([\w-]+/[\w-]+)", text_of(name)
        )
    }
    assert {found for _, found in said} == {owner.group(1)}


def test_the_readme_of_an_index_page_has_no_relative_link() -> None:
    hook = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    readme = text_of("README.md")
    for one in hook["substitutions"]:
        readme = re.sub(one["pattern"], one["replacement"].replace("$HFPR_VERSION", "1.2.3"), readme)
    targets = re.findall(r"\]\(([^)\s]+)\)", readme)
    assert len(targets) > 10
    assert [target for target in targets if not target.startswith("https://")] == []
    repository = PROJECT["project"]["urls"]["Source"]
    files = [target.split("/v1.2.3/")[1] for target in targets if "/v1.2.3/" in target]
    assert [name for name in files if not (ROOT / name.partition("#")[0]).exists()] == []
    assert f"({repository}/blob/v1.2.3/docs/install.md)" in readme


def test_the_extras_are_those_of_the_document() -> None:
    table = re.findall(r"^\| `(\w+)` \| .+ \|$", text_of("docs/install.md"), re.MULTILINE)
    extras = PROJECT["project"]["optional-dependencies"]
    assert table == [*sorted(set(extras) - {"all"}), "all"]
    assert set(EXTRAS) == set(extras) - {"all"}
    (everything,) = extras["all"]
    assert everything == f"framedeflate[{','.join(sorted(EXTRAS))}]"


def test_the_pythons_are_those_that_wheels_are_made_for() -> None:
    named = [
        found.group(1)
        for line in PROJECT["project"]["classifiers"]
        if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line))
    ]
    assert [f"cp{name.replace('.', '')}-*" for name in named] == PROJECT["tool"]["cibuildwheel"]["build"]
    assert PROJECT["project"]["requires-python"] == f">={named[0]}"
    assert PROJECT["tool"]["scikit-build"]["wheel"]["py-api"] == f"cp{named[1].replace('.', '')}"


def test_a_wheel_is_tested_by_files_that_are_there() -> None:
    tests = re.findall(r"tests/\w+\.py", PROJECT["tool"]["cibuildwheel"]["test-command"])
    assert len(tests) > 10
    assert [name for name in tests if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", forge_files(), ids=lambda path: path.name)
def test_the_forge_s_files_parse(path: Path) -> None:
    assert yaml_of(path)


@pytest.mark.parametrize("path", sorted((FORGE / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_workflows_pin_what_they_use_and_may_do_little(path: Path) -> None:
    workflow = yaml_of(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        allowed = job["permissions"]
        steps = [step.get("uses", "").partition("@")[0] for step in job["steps"]]
        if set(allowed.values()) <= {"read"}:
            assert set(allowed) == {"contents"}
            continue
        # Whoever may write or say who he is runs nothing of ours, nor what a build brought in.
        assert "" not in steps, name
        assert {step.partition("/")[0] for step in steps} <= {"actions", "pypa"}, name
        assert "actions/checkout" not in steps, name
        assert "contents" not in allowed, name
    used = re.findall(r"uses: *(.+)", path.read_text(encoding="utf-8"))
    assert used
    assert [line for line in used if not PINNED.fullmatch(line)] == []
    # Nothing that a stranger wrote (a title, a branch's name) is put into a script.
    assert [
        step for job in workflow["jobs"].values() for step in job["steps"] if "${{" in step.get("run", "")
    ] == []


def test_every_system_of_the_workflows_can_collect_the_tests() -> None:
    """What Windows lacks is imported where it is used, or behind a skip."""
    lacking = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
    found = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        imports = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
        for node in imports:
            names = {one.name for one in node.names} if isinstance(node, ast.Import) else {node.module}
            before = "".join(source.splitlines(keepends=True)[: node.lineno])
            skipped = set(re.findall(r'^pytest\.importorskip\("(\w+)"\)', before, re.MULTILINE))
            if names & lacking and not skipped & lacking:
                found.append(f"{path.name}:{node.lineno}")
    assert found == []


@pytest.mark.skipif(
    find_spec("scikit_build_core") is None or not (ROOT / "src").is_dir(),
    reason="needs the source tree and the build tools",
)
def test_the_sdist_holds_what_builds_and_tests_it_and_nothing_of_the_forge(tmp_path: Path) -> None:
    script = f"import scikit_build_core.build as b; b.build_sdist({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True)
    (path,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as sdist:
        names = [name.partition("/")[2] for name in sdist.getnames()]
    cores = re.findall(r"native/\w+\.cpp", text_of("CMakeLists.txt"))
    assert len(cores) > 20
    needed = {"CMakeLists.txt", "LICENSE", "README.md", "tests/conftest.py", "docs/install.md", *cores}
    assert needed | {"src/framedeflate/py.typed", "src/framedeflate/_native.pyi"} <= set(names)
    assert [
        name
        for name in names
        if re.search(r"(^|/)\.(ci|git|github)|^build/|^dist/|\.so$|\.pyd$|__pycache__", name)
    ] == []
