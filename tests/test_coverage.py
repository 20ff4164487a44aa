"""Coverage of every interval of the summary, in a reduced form; `benchmarks/coverage.py` is the whole."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

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
    r"correlations/[^/]+/[^/]+/(correlation)_interval": "{0}",
    # The same figures of fewer votes: those of some raters, or of a topic's prompts.
    r"without_flagged/\w+/(win_rate|shares/\w+|tie_share)": "{0}",
    r"topics/\w+/human/\w+/(win_rate|shares/\w+|tie_share)": "{0}",
    r"topics/\w+/judge:\w+/\w+/(win_rate|shares/\w+|tie_share)": "judge: {0}",
    r"(blinding)(?:/sides/[ab])?": "{0}",
    # No intervals by themselves.
    r"criteria/\w+/(?:human|judge:\w+)/(ranks|p_better)": "{0}",
}
"""Paths of the summary's intervals, and the figure of the benchmark that covers them."""


def figures(case: str) -> set[str]:
    """What a case gives in a cell with ties and several raters, where all figures exist."""
    return set(BENCHMARK.coverage(case, BENCHMARK.Cell(50, 0.5, 0.3, 3), 1))


def paths(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        if "estimate" in value:
            yield path
        if "rank_low" in value:
            yield f"{path.rsplit('/', 2)[0]}/ranks"
        if value.get("p_better"):
            yield f"{path}/p_better"
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
    found = summary(study, *records, *again, guesses=guess_frame([("r1", "as_is", True, "base")]))
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
        assert found.share is not None and found.share >= found.nominal - (0.1 if found.rare else 0.065), (
            figure,
            found,
        )


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
        assert BENCHMARK.overview({"wrong": [found["wrong"]]}).endswith("| 1 | 0 |")
    finally:
        del BENCHMARK.CASES["half_as_wide"]


@pytest.mark.parametrize("raters", [3, 5, 20])
def test_a_few_raters_with_several_guesses_each_are_held_to_the_same(raters: int) -> None:
    axes = BENCHMARK.AXES["blinding"]
    assert raters in axes.units and axes.cells()[0].prompts == 3
    found = BENCHMARK.coverage("blinding", BENCHMARK.Cell(raters, 0.8, 0.3, 12), STUDIES)["blinding"]
    assert found.share >= 0.9


def test_studies_whose_systems_nothing_connects_are_counted() -> None:
    cell = BENCHMARK.Cell(20, 0.95, 0.0, 1)
    found = BENCHMARK.coverage("systems", cell, 40)["bradley_terry"]
    assert found.without > 10 and found.studies + found.without == 40
    assert f"of 40 a cell: 20 (0.95, 0, 1) {found.without}." in BENCHMARK.table("bradley_terry", [found])
    assert BENCHMARK.overview({"bradley_terry": [found]}).endswith(f"| {found.without} of 40 |")
    nothing = replace(found, share=None, studies=0, without=40)
    assert nothing.mark == "" and "| 20 | - |" in BENCHMARK.table("bradley_terry", [nothing])
    assert BENCHMARK.overview({"bradley_terry": [nothing]}).endswith("| 40 of 40 |")


def test_the_overview_has_the_shares_of_cells_that_cover_little_or_much() -> None:
    cell = BENCHMARK.Cell(100, 0.5, 0.0, 1)
    shares = [0.85, 0.92, 0.93, 0.95, 0.99, 0.995, 0.96, 0.96]
    last = BENCHMARK.overview({"x": [BENCHMARK.Coverage(cell, share, 2000, False) for share in shares]}).split("\n")[-1]
    assert last == "| x | 8 | 85.0 | 99.5 |  |  | 25% | 12% | 12% | 1 | 0 |"


@pytest.mark.parametrize(
    ("told", "holds"),
    [({}, True), ({"2": (3, 4)}, True), ({"2": (3, 3)}, False), ({"0": (2, 6)}, False), ({"5": (1, 5)}, False)],
)
def test_ranks_hold_where_those_of_all_systems_do(told: dict[str, tuple[int, int]], holds: bool) -> None:
    """Two equals a tier share their ranks: 1 and 2, 3 and 4, 5 and 6."""
    systems = sys.modules["benchmarks.coverage_cases.systems"]
    found = {str(system): Ranks(*told.get(str(system), (1, 6))) for system in range(6)}
    assert systems._ranks_hold(SimpleNamespace(systems=found), systems.TIERS) is holds


def test_ranks_of_equal_systems_hold_with_few_prompts() -> None:
    """Simultaneous intervals by a normal distribution held in 87 to 89% of such studies."""
    found = BENCHMARK.coverage("ranks", BENCHMARK.Cell(20, 0.5, 0.0, 3), 400)
    assert found["ranks"].share > 0.92 and found["p_better"].share > 0.92


class Ranks(NamedTuple):
    rank_low: int
    rank_high: int


def test_what_p_better_says_is_so_about_as_often() -> None:
    """Where strengths are as far apart as its flat prior has it: in studies of 50 prompts and a wide spread."""
    said, true, without = sys.modules["benchmarks.coverage_cases.better"].calibration(50, 1.0, 150)
    assert without < 5 and len(said) == 6 * (150 - without)
    unsure = said < 0.95
    assert true[unsure].mean() == pytest.approx(said[unsure].mean(), abs=0.1)
    assert true[~unsure].mean() > 0.97


def test_it_runs_as_a_script(tmp_path: Path) -> None:
    """From the repository's root; `statistics.py` beside it must not hide the standard library's module."""
    out = tmp_path / "table.md"
    command = [
        sys.executable,
        "benchmarks/coverage.py",
        "--studies",
        "5",
        "--only",
        "blinding,calibration",
        "--prompts",
        "20",
    ]
    done = subprocess.run([*command, "--markdown", str(out)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed = out.read_text("utf-8")
    assert "**blinding** (share right, unsure, guesses each)\n\n| raters |" in printed
    assert "**p_better**, calibration" in printed and "| 0.2, 20 |" in printed
