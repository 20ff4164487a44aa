"""Coverage of every interval of the summary, in a reduced form; `benchmarks/coverage.py` is the whole."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from test_summary_parts import crowd, only_votes, summary

from eval.statistics.clustered import clustered_mean
from ppai.frames import guess_frame

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
MEASURED = {
    r"criteria/\w+/human/(shares/\w+|tie_share|win_rate|longer_wins|first_position|length_controlled)": "{0}",
    r"criteria/\w+/human/(win_rate_two_way|bradley_terry|bradley_terry_differences)": "{0}",
    r"criteria/\w+/judge:\w+/(win_rate|shares/\w+|tie_share)": "judge: {0}",
    r"criteria/\w+/judge:\w+/(longer_wins|first_position|length_controlled)": "{0}",
    r"criteria/\w+/judge:\w+/(bradley_terry|bradley_terry_differences)": "{0}",
    r"criteria/\w+/combined:\w+/(win_rate)": "combined: {0}",
    r"agreement/\w+/human_human/(\w+)": "{0}",
    r"agreement/\w+/judge:\w+/(\w+)": "judge: {0}",
    r"sequence/matchups/[^/]+/interval()": "sequence",
    r"correlations/[^/]+/[^/]+/(equal)": "{0}",
    # The same figures of fewer votes: those of some raters, or of a topic's prompts.
    r"without_flagged/\w+/(win_rate|shares/\w+|tie_share)": "{0}",
    r"topics/\w+/human/\w+/(win_rate|shares/\w+|tie_share)": "{0}",
    r"topics/\w+/judge:\w+/\w+/(win_rate|shares/\w+|tie_share)": "judge: {0}",
    r"(blinding)": "{0}",
}
"""Paths of the summary's intervals, and the figure of the benchmark that covers them."""


def figures(case: str) -> set[str]:
    """What a case gives in a cell with ties and several raters, where all figures exist."""
    return set(BENCHMARK.coverage(case, BENCHMARK.Cell(50, 0.5, 0.3, 3), 1))


def paths(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        if "estimate" in value:
            yield path
        for key, inner in value.items():
            yield from paths(inner, f"{path}/{key}".lstrip("/"))


def figure_of(path: str) -> str | None:
    for pattern, figure in MEASURED.items():
        if found := re.fullmatch(f"{pattern}(/[^/]+)?", path):
            return figure.format(found[1].split("/")[0])
    return None


def test_every_interval_of_the_summary_is_one_of_the_benchmark() -> None:
    study, records = crowd()
    again = [vote.model_copy(update={"vote_id": f"{vote.vote_id}r", "repeat": 1}) for vote in only_votes(records)[:9]]
    found = summary(study, *records, *again, guesses=guess_frame([("r1", "as_is", True)]))
    known = set().union(*map(figures, BENCHMARK.CASES))
    seen = {path: figure_of(path) for path in paths(found)}
    assert len(seen) > 100
    assert {path: figure for path, figure in seen.items() if figure not in known} == {}
    assert known - set(seen.values()) == set(), "figures of the benchmark that the summary does not have"


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("case", list(BENCHMARK.CASES))
def test_the_truth_is_held_about_as_often_as_is_said(case: str, cell: tuple[int, float, float, int]) -> None:
    studies = STUDIES // 2 if case == "systems" else STUDIES
    for figure, found in BENCHMARK.coverage(case, BENCHMARK.Cell(*cell), studies, seed=1).items():
        # Three standard errors of the simulation below the bounds of the benchmark.
        assert found.share >= found.nominal - (0.1 if found.rare else 0.065), (figure, found)


def test_a_bad_interval_is_marked() -> None:
    def half_as_wide(cell: Any, rng: Any) -> Iterator[Any]:
        found = clustered_mean(cell.votes(rng, cell.rates(rng, 0.5, (100,)), 1)[:, 0], range(100))
        assert found.estimate is not None and found.low is not None and found.high is not None
        ends = (found.low + found.estimate) / 2, (found.high + found.estimate) / 2
        yield BENCHMARK.Figure("right", found, 0.5)
        yield BENCHMARK.Figure("wrong", replace(found, low=ends[0], high=ends[1]), 0.5)

    BENCHMARK.CASES["half_as_wide"] = half_as_wide
    try:
        found = BENCHMARK.coverage("half_as_wide", BENCHMARK.Cell(100, 0.5, 0.0, 1), 300)
        assert (found["wrong"].mark, found["right"].mark) == ("!", "")
        assert f"| 100 | {100 * found['wrong'].share:.1f}! |" in BENCHMARK.table("wrong", [found["wrong"]])
        assert BENCHMARK.overview({"wrong": [found["wrong"]]}).endswith("| 1 |")
    finally:
        del BENCHMARK.CASES["half_as_wide"]


def test_it_runs_as_a_script(tmp_path: Path) -> None:
    """From the repository's root; `statistics.py` beside it must not hide the standard library's module."""
    out = tmp_path / "table.md"
    command = [sys.executable, "benchmarks/coverage.py", "--studies", "5", "--only", "blinding", "--prompts", "20"]
    done = subprocess.run([*command, "--markdown", str(out)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "**blinding** (win rate, ties, raters)" in out.read_text("utf-8")
