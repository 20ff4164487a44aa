"""Coverage of the summary's intervals over simulated studies: how often a nominal 95% interval holds the truth.

    python benchmarks/coverage.py [--studies 2000] [--only people,judge] [--prompts 20,50] [--jobs 2] [--markdown FILE]

Prints one table an interval, a row a number of prompts and a column a cell, and at the end one line an interval. A cell
is out of bounds, and marked `!`, where it lies more than two points under the nominal level, or more than five
points with fewer than five prompts expected to be in the minority, by more than two standard errors of the
simulation; over 99% is marked `+`. The sequence holds the truth where it was inside after every prompt.
To add an interval, write a case in `benchmarks/coverage_cases/`.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [str(ROOT), *(path for path in sys.path if Path(path or ".").resolve() != ROOT / "benchmarks")]
# `statistics.py` stands beside this file and would hide the standard library's module of that name.

import numpy as np  # noqa: E402

from benchmarks.coverage_cases import judge, lengths, people, stopping, systems  # noqa: E402, F401
from benchmarks.coverage_cases.simulation import CASES, Cell, Figure, truths  # noqa: E402

PROMPTS = (20, 50, 100, 400)
WIN_RATES = (0.5, 0.8, 0.95)
TIES = (0.0, 0.3)
RATERS = (1, 3)


@dataclass(frozen=True)
class Coverage:
    """One interval in one cell."""

    cell: Cell
    share: float
    studies: int
    """Studies in which the interval has numbers."""
    rare: bool
    """Whether fewer than five prompts are expected in the minority."""
    nominal: float = 0.95

    @property
    def mark(self) -> str:
        bound = self.nominal - (0.05 if self.rare else 0.02)
        error = float(np.sqrt(bound * (1 - bound) / self.studies))
        return "!" if self.share < bound - 2 * error else "+" if self.share > 0.99 else ""


@dataclass
class _Tally:
    """Of one figure in one cell, so far."""

    nominal: float
    prompts: int
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
        rare = cell.minority < 5 or 0 < self.minority / self.made < 5
        return Coverage(cell, self.held / self.made, self.made, rare, self.nominal)


def cells(prompts: Sequence[int] = PROMPTS) -> list[Cell]:
    return [Cell(*values) for values in itertools.product(prompts, WIN_RATES, TIES, RATERS)]


def coverage(name: str, cell: Cell, studies: int, seed: int = 0) -> dict[str, Coverage]:
    """By figure of a case, in one cell; figures that are not made there are left out."""
    found: dict[str, _Tally] = {}
    for number in range(studies):
        kind = [cell.prompts, round(100 * cell.win_rate), round(10 * cell.ties), cell.raters]
        rng = np.random.default_rng([seed, number, *kind])
        for figure in CASES[name](cell, rng):
            unknown = figure.truth is None and figure.held is None
            truth = truths(name, cell).get(figure.name) if unknown else figure.truth
            found.setdefault(figure.name, _Tally(figure.nominal, cell.prompts)).add(figure, truth)
    return {figure: tally.coverage(cell) for figure, tally in found.items() if tally.made}


def by_figure(found: Iterable[Mapping[str, Coverage]]) -> dict[str, list[Coverage]]:
    turned: dict[str, list[Coverage]] = {}
    for of_cell in found:
        for figure, one in of_cell.items():
            turned.setdefault(figure, []).append(one)
    return turned


def overview(found: Mapping[str, Sequence[Coverage]]) -> str:
    """Markdown, a row a figure: the lowest and highest cell, those with a rare minority apart."""
    lines = ["| interval | cells | lowest | highest | rare minority: lowest | highest | out of bounds |"]
    lines.append("|---" * 7 + "|")
    for figure, known in found.items():
        ends = []
        for rare in (False, True):
            shares = [one.share for one in known if one.rare is rare]
            ends += [f"{100 * end:.1f}" for end in (min(shares), max(shares))] if shares else ["", ""]
        lines.append(f"| {figure} | {len(known)} | {' | '.join(ends)} | {sum(one.mark == '!' for one in known)} |")
    return "\n".join(lines)


def table(figure: str, known: Sequence[Coverage]) -> str:
    """Markdown with a row a number of prompts."""
    kinds = list(dict.fromkeys((one.cell.win_rate, one.cell.ties, one.cell.raters) for one in known))
    head = [f"{rate:g}, {ties:g}, {raters}" for rate, ties, raters in kinds]
    nominal = "" if known[0].nominal == 0.95 else f", nominal {known[0].nominal:.0%}"
    lines = [f"**{figure}**{nominal} (win rate, ties, raters)", "", f"| prompts | {' | '.join(head)} |"]
    lines.append("|---" * (len(head) + 1) + "|")
    for n in dict.fromkeys(one.cell.prompts for one in known):
        by_kind = {(o.cell.win_rate, o.cell.ties, o.cell.raters): o for o in known if o.cell.prompts == n}
        row = [f"{100 * by_kind[kind].share:.1f}{by_kind[kind].mark}" if kind in by_kind else "" for kind in kinds]
        lines.append(f"| {n} | {' | '.join(row)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--only", default="", help=f"some of {', '.join(CASES)}")
    parser.add_argument("--prompts", default=",".join(map(str, PROMPTS)))
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--markdown", type=Path, help="where to write the tables too")
    given = parser.parse_args()
    names = given.only.split(",") if given.only else list(CASES)
    if unknown := [name for name in names if name not in CASES]:
        parser.error(f"--only: {', '.join(unknown)}: not one of {', '.join(CASES)}")
    of_cells = cells([int(n) for n in given.prompts.split(",")])
    everything: dict[str, list[Coverage]] = {}
    with ProcessPoolExecutor(given.jobs) as pool:
        for name in names:
            started = time.perf_counter()
            found = by_figure(pool.map(partial(coverage, name, studies=given.studies), of_cells))
            everything |= found
            for figure, known in found.items():
                print(f"{table(figure, known)}\n")
            print(f"{name}: {time.perf_counter() - started:.0f} s\n", flush=True)
    marked = sum(one.mark == "!" for known in everything.values() for one in known)
    print(f"{overview(everything)}\n\n{given.studies} studies a cell; {marked} cells out of bounds")
    if given.markdown:
        printed = [overview(everything), *(table(figure, known) for figure, known in everything.items())]
        given.markdown.write_text("\n\n".join(printed) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
