"""Calibration of P(better): where it is about .9, in how many matchups the favoured system is the stronger."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from benchmarks.coverage_cases.simulation import Cell
from eval.statistics.cells import Comparisons
from eval.statistics.connected import Disconnected
from eval.statistics.strengths import strengths

SYSTEMS = 4
SPREADS = (0.2, 1.0)
"""Standard deviations of the true log strengths: by .2 the stronger of two wins 56% on average, by 1 72%."""
BINS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Where each begins."""
REPLICATES = 200


def calibration(prompts: int, spread: float, studies: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, int]:
    """P(better) of the favoured system and whether it is the stronger, shapes (matchups,), and studies without numbers.

    Each study draws four systems' strengths from a normal distribution; one vote without ties a pair, on every prompt.
    """
    said: list[float] = []
    true: list[bool] = []
    without = 0
    first, second = np.triu_indices(SYSTEMS, 1)
    names = tuple(map(str, range(SYSTEMS)))
    for number in range(studies):
        rng = np.random.default_rng([seed, number, prompts, round(100 * spread)])
        strength = rng.normal(0.0, spread, SYSTEMS)
        rate = np.broadcast_to(expit(strength[first] - strength[second]), (prompts, len(first)))
        won = Cell(prompts, 0.5, 0.0, 1).votes(rng, rate, 1).ravel()
        places = np.tile(first, prompts), np.tile(second, prompts)
        comparisons = Comparisons(names, np.repeat(np.arange(prompts), len(first)), *places, won, 1 - won)
        try:
            better = strengths(comparisons, replicates=REPLICATES).better
        except Disconnected:
            without += 1
            continue
        for i, j in zip(first.tolist(), second.tolist(), strict=True):
            share = better[f"{i}>{j}"]
            said.append(max(share, 1 - share))
            true.append(bool((share >= 0.5) == (strength[i] > strength[j])))
    return np.array(said), np.array(true), without


def calibration_table(prompts: Sequence[int], studies: int) -> str:
    """Markdown: a row a spread and number of prompts; in each bin the share that are stronger, beside the mean said."""
    ends = (*BINS[1:], 1.0)
    heads = [f"{100 * low:g} to {100 * high:g}%" for low, high in zip(BINS, ends, strict=True)]
    lines = [
        "**p_better**, calibration: how often the favoured of two systems is the stronger, in % (mean of P(better))",
        "",
        f"| spread of log strengths, prompts | {' | '.join(heads)} | studies without numbers |",
        "|---" * (len(heads) + 2) + "|",
    ]
    for spread in SPREADS:
        for n in prompts:
            said, true, without = calibration(n, spread, studies)
            place = np.clip(np.searchsorted(BINS, said, side="right") - 1, 0, None)
            some = [place == number for number in range(len(BINS))]
            row = [f"{100 * true[one].mean():.1f} ({100 * said[one].mean():.1f})" if one.any() else "" for one in some]
            lines.append(f"| {spread:g}, {n} | {' | '.join(row)} | {without:,} of {studies:,} |")
    return "\n".join(lines)
