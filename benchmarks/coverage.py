"""Coverage of the summary's intervals over simulated studies: how often a nominal 95% interval holds the truth.

    python benchmarks/coverage.py [--studies 2000] [--only people,judge] [--prompts 20,50] [--jobs 2] [--markdown FILE]

Prints one table an interval, a row a number of prompts and a column a cell, and at the end one line an interval. A cell
is out of bounds, and marked `!`, where it lies more than two points under the nominal level, or more than five
points with fewer than five prompts expected to be in the minority, by more than two standard errors of the
simulation; over 99% is marked `+`. The sequence holds the truth where it was inside after every prompt, ranks where
those of all systems hold at once. Studies that give an interval no numbers are left out of its shares, and counted.
Where a case has another unit than the prompt (`blinding`: the rater), `--prompts` leaves its rows as they are.
To add an interval, write a case in `benchmarks/coverage_cases/`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [str(ROOT), *(path for path in sys.path if Path(path or ".").resolve() != ROOT / "benchmarks")]
# `statistics.py` stands beside this file and would hide the standard library's module of that name.

import numpy as np  # noqa: E402

from benchmarks.coverage_cases import (  # noqa: E402, F401
    blinding,
    correlation,
    judge,
    lengths,
    people,
    stopping,
    systems,
)
from benchmarks.coverage_cases.better import calibration_table  # noqa: E402
from benchmarks.coverage_cases.simulation import AXES, CASES, Axes, Cell, Figure, truths  # noqa: E402
from benchmarks.coverage_cases.tables import Coverage, overview, table  # noqa: E402

CALIBRATION = "calibration"
"""In `--only`: the table of P(better), which is no interval."""


@dataclass
class _Tally:
    """Of one figure in one cell, so far."""

    nominal: float
    prompts: int
    studies: int
    """Simulated in all."""
    made: int = 0
    held: int = 0
    minority: float = 0.0
    """Prompts in the minority, summed over studies."""

    def add(self, figure: Figure, truth: float | None) -> None:
        if figure.held is not None:
            self.made, self.held = self.made + 1, self.held + figure.held
        elif figure.interval is not None and figure.interval.low is not None and truth is not None:
            self.made += 1
            self.held += figure.interval.low <= truth <= figure.interval.high
            if 0 <= truth <= 1:
                self.minority += min(figure.interval.n, self.prompts) * min(truth, 1 - truth)

    def coverage(self, cell: Cell) -> Coverage:
        rare = cell.minority < 5 or 0 < self.minority / max(self.made, 1) < 5
        share = self.held / self.made if self.made else None
        return Coverage(cell, share, self.made, rare, self.nominal, self.studies - self.made)


def coverage(name: str, cell: Cell, studies: int, seed: int = 0) -> dict[str, Coverage]:
    """By figure of a case, in one cell; figures that are not made there are left out."""
    found: dict[str, _Tally] = {}
    for number in range(studies):
        kind = [cell.prompts, round(100 * cell.win_rate), round(10 * cell.ties), cell.raters]
        rng = np.random.default_rng([seed, number, *kind])
        for figure in CASES[name](cell, rng):
            unknown = figure.truth is None and figure.interval is not None and figure.interval.low is not None
            truth = truths(name, cell).get(figure.name) if unknown else figure.truth
            tally = found.setdefault(figure.name, _Tally(figure.nominal, cell.prompts, studies))
            tally.add(figure, truth)
    return {figure: tally.coverage(cell) for figure, tally in found.items()}


def by_figure(found: Iterable[Mapping[str, Coverage]]) -> dict[str, list[Coverage]]:
    turned: dict[str, list[Coverage]] = {}
    for of_cell in found:
        for figure, one in of_cell.items():
            turned.setdefault(figure, []).append(one)
    return turned


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--only", default="", help=f"some of {', '.join([*CASES, CALIBRATION])}")
    parser.add_argument("--prompts", default=",".join(map(str, Axes().units)))
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--markdown", type=Path, help="where to write the tables too")
    given = parser.parse_args()
    names = given.only.split(",") if given.only else [*CASES, CALIBRATION]
    if unknown := [name for name in names if name not in CASES and name != CALIBRATION]:
        parser.error(f"--only: {', '.join(unknown)}: not one of {', '.join([*CASES, CALIBRATION])}")
    prompts = [int(n) for n in given.prompts.split(",")]
    everything: dict[str, list[Coverage]] = {}
    tables: list[str] = []
    with ProcessPoolExecutor(given.jobs) as pool:
        for name in names:
            started = time.perf_counter()
            if name == CALIBRATION:
                printed = [calibration_table(prompts, given.studies)]
            else:
                axes = AXES.get(name, Axes())
                of_cells = axes.cells(None if name in AXES else prompts)
                found = by_figure(pool.map(partial(coverage, name, studies=given.studies), of_cells))
                everything |= found
                printed = [table(figure, known, axes) for figure, known in found.items()]
            tables += printed
            print("\n\n".join(printed), f"\n{name}: {time.perf_counter() - started:.0f} s\n", sep="\n", flush=True)
    marked = sum(one.mark == "!" for known in everything.values() for one in known)
    print(f"{overview(everything)}\n\n{given.studies} studies a cell; {marked} cells out of bounds")
    if given.markdown:
        given.markdown.write_text("\n\n".join([overview(everything), *tables]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
