"""The exact sign test of a win rate: do more prompts prefer x to y than chance would have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import bdtr

from eval.statistics.arrays import Floats, Ints

NO_DECISIVE = "no prompt prefers either system"
EVEN = 1e-9
"""A prompt's mean outcome so near one half is one half."""


@dataclass(frozen=True)
class SignTest:
    """Of one matchup: prompts whose mean outcome favours x, favours y, or is exactly one half."""

    p: float | None
    """Two-sided and exact; None where no prompt favours either."""
    x_prompts: int
    y_prompts: int
    left_out: int
    """Prompts of mean one half, which say nothing."""
    p_holm: float | None = None
    """Adjusted for the criteria that were tested together, see `eval.statistics.multiplicity`."""

    def as_json(self) -> dict[str, Any]:
        """`n` counts the prompts that the test rests on."""
        fields: dict[str, Any] = {
            "p": self.p,
            "p_holm": self.p_holm,
            "n": self.x_prompts + self.y_prompts,
            "x_prompts": self.x_prompts,
            "y_prompts": self.y_prompts,
            "left_out": self.left_out,
        }
        return fields if self.p is not None else fields | {"reason": NO_DECISIVE}


def sign_tests(score: Floats, group: Ints, n_groups: int) -> list[SignTest]:
    """The test of each group of pairs: of one matchup, which has one pair a prompt.

    `score` holds each pair's mean outcome for x, `group` codes 0..n_groups-1; shapes (pairs,). Raters' votes are
    averaged before: raters of one prompt are no independent trials. p = 2 P(X <= min(x, y)), X binomial with
    n = x + y and one half, at most 1. Dixon, W. J. and Mood, A. M. (1946), "The statistical sign test", Journal of
    the American Statistical Association 41, 557-566.
    """
    for_x, for_y = (
        np.bincount(group[chosen], minlength=n_groups) for chosen in (score > 0.5 + EVEN, score < 0.5 - EVEN)
    )
    left_out = np.bincount(group, minlength=n_groups) - for_x - for_y
    p = np.minimum(2 * bdtr(np.minimum(for_x, for_y).astype(float), for_x + for_y, 0.5), 1.0)
    return [
        SignTest(value if x + y else None, x, y, even)
        for value, x, y, even in zip(p.tolist(), for_x.tolist(), for_y.tolist(), left_out.tolist(), strict=True)
    ]
