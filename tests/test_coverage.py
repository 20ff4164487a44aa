"""Coverage of every interval of the benchmark, in a reduced form; `benchmarks/coverage.py` is the whole."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


def load() -> ModuleType:
    """The benchmark as a module; it leaves `sys.path` as it was."""
    kept = list(sys.path)
    spec = importlib.util.spec_from_file_location("coverage_benchmark", ROOT / "benchmarks" / "coverage.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path[:] = kept
    return module


BENCHMARK = load()
CELLS = [(20, 0.95, 0.0, 1), (50, 0.5, 0.3, 3), (100, 0.8, 0.0, 3)]
STUDIES = 250


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("name", list(BENCHMARK.INTERVALS))
def test_the_truth_is_held_about_as_often_as_is_said(name: str, cell: tuple[int, float, float, int]) -> None:
    studies = STUDIES // 2 if name.startswith("bradley_terry") else STUDIES
    found = BENCHMARK.coverage(name, BENCHMARK.Cell(*cell), studies, seed=1)
    if found is None:
        assert name in ("tie_share", "equal_votes", "krippendorff_alpha", "gwet_ac1", "win_rate_two_way")
        return
    # Three standard errors of the simulation below the bounds of the benchmark.
    assert found.share >= (0.85 if found.cell.rare else 0.885), found


def test_a_bad_interval_is_marked() -> None:
    @BENCHMARK.interval
    def too_narrow(study: object) -> object:
        for found, truth in BENCHMARK.win_rate(study):
            assert found.estimate is not None
            half = (found.high - found.low) / 4
            middle = (found.high + found.low) / 2
            ends = min(middle - half, found.estimate), max(middle + half, found.estimate)
            yield BENCHMARK.Interval(found.estimate, *ends, found.n, "half as wide"), truth

    try:
        cell = BENCHMARK.Cell(100, 0.5, 0.0, 1)
        wrong = BENCHMARK.coverage("too_narrow", cell, 300)
        right = BENCHMARK.coverage("win_rate", cell, 300)
        assert (wrong.mark, right.mark) == ("!", "")
        assert f"| 100 | {100 * wrong.share:.1f}! |" in BENCHMARK.table("too_narrow", [wrong])
    finally:
        del BENCHMARK.INTERVALS["too_narrow"]


def test_it_runs_as_a_script(tmp_path: Path) -> None:
    """From the repository's root; `statistics.py` beside it must not hide the standard library's module."""
    out = tmp_path / "table.md"
    command = [sys.executable, "benchmarks/coverage.py", "--studies", "5", "--only", "win_rate", "--prompts", "20"]
    done = subprocess.run([*command, "--markdown", str(out)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert out.read_text("utf-8").startswith("**win_rate**")
