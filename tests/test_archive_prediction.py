# SPDX-License-Identifier: Apache-2.0
"""A prediction's interval holds the truth about as often as it says: simulated; and on a folder that is known whole."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest

from archive_samples import contents, make_large, make_small, run_archive
from cli_runner import run_command
from framedeflate.archive.places import Folder
from framedeflate.archive.prediction import predict
from framedeflate.archive.sampling import draw, estimate
from framedeflate.archive.settings import CompressSettings

SIZES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "much alike": lambda rng: rng.normal(500_000, 50_000, 3000).clip(1000),
    "a few hold most": lambda rng: rng.pareto(1.1, 3000) * 10_000 + 1000,
}
RATIOS: dict[str, Callable[[np.random.Generator, np.ndarray], np.ndarray]] = {
    "alike": lambda rng, sizes: rng.normal(0.55, 0.05, len(sizes)).clip(0.01, 1),
    "two kinds": lambda rng, sizes: np.where(rng.random(len(sizes)) < 0.1, 0.02, 0.7),
    "large ones gain most": lambda rng, sizes: (1e5 / (1e5 + sizes)).clip(0.01, 1),
    "rare ones gain much": lambda rng, sizes: np.where(rng.random(len(sizes)) < 0.02, 0.01, 0.98),
    "some grow": lambda rng, sizes: np.where(rng.random(len(sizes)) < 0.3, 1.6, 0.5),
}


@pytest.mark.parametrize("ratios", RATIOS)
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("draws", [50, 200])
def test_the_interval_holds_the_truth(sizes: str, ratios: str, draws: int) -> None:
    rng = np.random.default_rng(len(sizes) * 100 + len(ratios))
    before = SIZES[sizes](rng)
    after = before * RATIOS[ratios](rng, before)
    truth = after.sum() / before.sum()
    rounds = 300
    # numpy draws by size, with replacement, as `draw` does in one pass.
    chosen = rng.choice(len(before), (rounds, draws), p=before / before.sum())
    estimates = [estimate((after[row] / before[row]).tolist()) for row in chosen]
    held = np.mean([one.low <= truth <= one.high for one in estimates])
    # 0.95, less what 300 rounds may miss by chance, and what few draws miss that is rare.
    assert held >= (0.92 if draws >= 200 else 0.9)
    # And the interval is no wider than it must be: a plain mean's with the same spread, nearly.
    wide = np.median([one.high - one.low for one in estimates])
    plain = 2 * 1.96 * np.sqrt(np.average((after / before - truth) ** 2, weights=before) / draws)
    assert wide <= 1.5 * plain + 3 / draws
    assert np.mean([one.value for one in estimates]) == pytest.approx(truth, abs=3 * plain / np.sqrt(rounds))


def test_one_pass_draws_by_size() -> None:
    sizes = [0, 1, 2, 3, 10, 0, 84]
    count: Counter[int] = Counter()
    random = Random(5)  # noqa: S311 - the same each time
    for _ in range(200):
        sample = draw(((index, size) for index, size in enumerate(sizes)), 50, random)
        assert (sample.count, sample.nbytes, len(sample.draws)) == (7, 100, 50)
        count.update(sample.draws)
    assert count[0] == count[5] == 0
    for index, size in enumerate(sizes):
        # Five standard deviations of a binomial.
        assert abs(count[index] - 100 * size) <= 5 * np.sqrt(10_000 * size / 100 * (1 - size / 100)) + 1e-9


def test_a_folder_is_predicted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "in"
    for number in range(60):
        make_small(source / f"{number}.dcm", number)
    for number in range(3):
        make_large(source / f"large{number}.dcm", number, frames=2)
    (source / "notes.txt").write_text("no image" * 1000)
    run_archive(source, tmp_path / "out", tmp_path / "m.sqlite")
    before, after = (
        sum((folder / path).stat().st_size for path in contents(tmp_path / "out"))
        for folder in (source, tmp_path / "out")
    )
    snapshot = contents(source)
    (said,) = run_command(capsys, "compress", source, "--dry-run", "--sample", 30, "--json").objects
    assert (said["files"], said["draws"], said["is_whole"]) == (64, 30, False)
    saved = said["saved_nbytes"]
    assert saved["low"] <= before - after <= saved["high"]
    assert saved["high"] - saved["low"] < 0.5 * before
    assert said["states"]["done"] > 0.9
    # The sample is the archive: no estimate but the sum.
    whole = predict(Folder(source), Folder(source).entries(), CompressSettings(), draws=64)
    assert whole.is_whole
    assert whole.saved_nbytes.low == whole.saved_nbytes.value == whole.saved_nbytes.high == before - after
    assert contents(source) == snapshot
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "m.sqlite", "m.sqlite.lock", "out"]


def test_a_part_and_empty_files_are_predicted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "in"
    for number in range(8):
        make_small(source / f"{number}.dcm", number)
    counts = [
        run_command(capsys, "compress", source, "--dry-run", "--shard", f"{number}/2", "--json").objects[0][
            "files"
        ]
        for number in (1, 2)
    ]
    assert sum(counts) == 8
    assert 8 not in counts
    (tmp_path / "empty").mkdir()
    for number in range(5):
        (tmp_path / "empty" / str(number)).touch()
    (said,) = run_command(
        capsys, "compress", tmp_path / "empty", "--dry-run", "--sample", 2, "--json"
    ).objects
    assert (said["files"], said["nbytes"], said["saved_nbytes"]["value"]) == (5, 0, 0)
