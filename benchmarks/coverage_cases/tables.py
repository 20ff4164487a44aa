"""The coverage of an interval in a cell, and tables of many: how far it lies from what it claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.coverage_cases.simulation import Axes, Cell

MOST = 0.99
"""Over this an interval is wider than it need be, and marked `+`."""


@dataclass(frozen=True)
class Coverage:
    """One interval in one cell."""

    cell: Cell
    share: float | None
    """None where no study gave numbers."""
    studies: int
    """Studies in which the interval has numbers."""
    rare: bool
    """Whether fewer than five prompts are expected in the minority."""
    nominal: float = 0.95
    without: int = 0
    """Studies in which it has none, such as those whose systems nothing connects."""

    @property
    def mark(self) -> str:
        if self.share is None:
            return ""
        bound = self.nominal - (0.05 if self.rare else 0.02)
        error = float(np.sqrt(bound * (1 - bound) / self.studies))
        return "!" if self.share < bound - 2 * error else "+" if self.share > MOST else ""


def overview(found: Mapping[str, Sequence[Coverage]]) -> str:
    """Markdown, a row a figure: the lowest and highest cell, those with a rare minority apart, and shares of cells.

    Under 93 and under 90 are two and five points under the nominal level, also where that is not 95%.
    """
    heads = ["interval", "cells", "lowest", "highest", "rare minority: lowest", "highest"]
    heads += ["under 93%", "under 90%", "over 99%", "out of bounds", "studies without numbers"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for figure, known in found.items():
        row = [figure, str(len(known)), *_ends(known, rare=False), *_ends(known, rare=True), *_shares(known)]
        row += [str(sum(one.mark == "!" for one in known)), _without(known)]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def _ends(known: Sequence[Coverage], *, rare: bool) -> list[str]:
    shares = [one.share for one in known if one.rare is rare and one.share is not None]
    return [f"{100 * end:.1f}" for end in (min(shares), max(shares))] if shares else ["", ""]


def _shares(known: Sequence[Coverage]) -> list[str]:
    """Of the cells with numbers: those under 93, under 90 and over 99."""
    covered = np.array([one.share for one in known if one.share is not None])
    nominal = np.array([one.nominal for one in known if one.share is not None])
    # Shares of 2,000 are not exact numbers: a cell at 93% itself is not under it.
    chosen = covered < nominal - 0.02 - 1e-9, covered < nominal - 0.05 - 1e-9, covered > MOST + 1e-9
    return [f"{100 * some.mean():.0f}%" if some.size else "" for some in chosen]


def _without(known: Sequence[Coverage]) -> str:
    without, every = sum(one.without for one in known), sum(one.without + one.studies for one in known)
    return f"{without:,} of {every:,}" if without else "0"


def table(figure: str, known: Sequence[Coverage], axes: Axes | None = None) -> str:
    """Markdown with a row a number of prompts, or of what else the case counts."""
    named = axes or Axes()
    kinds = list(dict.fromkeys(_kind(one.cell) for one in known))
    nominal = "" if known[0].nominal == 0.95 else f", nominal {known[0].nominal:.0%}"
    lines = [f"**{figure}**{nominal} ({named.kind})", ""]
    lines.append(f"| {named.unit} | {' | '.join(map(_named, kinds))} |")
    lines.append("|---" * (len(kinds) + 1) + "|")
    for n in dict.fromkeys(one.cell.prompts for one in known):
        by_kind = {_kind(one.cell): one for one in known if one.cell.prompts == n}
        lines.append(f"| {n} | {' | '.join(_entry(by_kind.get(kind)) for kind in kinds)} |")
    if dropped := [one for one in known if one.without]:
        told = "; ".join(f"{one.cell.prompts} ({_named(_kind(one.cell))}) {one.without:,}" for one in dropped)
        every = dropped[0].studies + dropped[0].without
        lines += ["", f"Studies without numbers, not in the shares above, of {every:,} a cell: {told}."]
    return "\n".join(lines)


def _kind(cell: Cell) -> tuple[float, float, int]:
    return cell.win_rate, cell.ties, cell.raters


def _named(kind: tuple[float, float, int]) -> str:
    return ", ".join(f"{value:g}" for value in kind)


def _entry(one: Coverage | None) -> str:
    return "" if one is None else "-" if one.share is None else f"{100 * one.share:.1f}{one.mark}"
