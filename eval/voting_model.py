"""Simulated votes and verdicts: what a plan, or a check of coverage, draws its studies from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from eval.statistics.arrays import Floats

_PROMPTS = 200_000
"""Simulated for a judge's verdicts; the standard error of their correlation with the votes is below .002."""


@dataclass(frozen=True)
class VotingModel:
    """Votes on prompts that differ: on each, the chances of win, tie and loss are drawn from a Dirichlet distribution.

    Raises ValueError where the shares contradict each other, naming the first.
    """

    win_rate: float
    """Mean outcome for x: share of wins and half the ties."""
    tie_share: float
    icc: float
    """Intraclass correlation of the votes on a prompt, of each outcome and so of the score; in [0, .95]."""
    overlap: int
    """Votes a prompt."""
    judge_agreement: float | None = None
    """Share of verdicts that name the likeliest outcome of their prompt, what most people would say; the others are
    as if the judge had not looked at the prompt."""

    def __post_init__(self) -> None:
        if not 0 < self.win_rate < 1:
            raise ValueError(f"win-rate: {self.win_rate:g} is not between 0 and 1")
        if not 0 <= self.tie_share < 1:
            raise ValueError(f"tie-share: {self.tie_share:g} is not at least 0 and below 1")
        if min(self.shares) < 0:
            most = 2 * min(self.win_rate, 1 - self.win_rate)
            raise ValueError(
                f"tie-share: with a win rate of {self.win_rate:g} at most {most:.3g} of outcomes are ties, "
                f"not {self.tie_share:g}"
            )
        if not 0 <= self.icc <= 0.95:
            raise ValueError(f"icc: {self.icc:g} is not between 0 and .95")
        if not 1 <= self.overlap <= 1000:
            raise ValueError(f"overlap: {self.overlap} is not between 1 and 1000")
        if self.judge_agreement is not None and not 0 < self.judge_agreement <= 1:
            raise ValueError(f"judge-agreement: {self.judge_agreement:g} is not above 0 and at most 1")

    @property
    def shares(self) -> tuple[float, float, float]:
        """Of wins, ties and losses."""
        half = self.tie_share / 2
        # Rounded, for .6 - .8 / 2 is not quite .2.
        return round(self.win_rate - half, 12), self.tie_share, round(1 - self.win_rate - half, 12)

    @property
    def variance(self) -> float:
        """Of the mean of a prompt's votes."""
        win, tie, _ = self.shares
        of_vote = win + tie / 4 - self.win_rate**2
        return of_vote * (1 + (self.overlap - 1) * self.icc) / self.overlap

    def votes(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """The mean of the votes on so many prompts, of that shape."""
        return self._means(rng, self._chances(rng, int(np.prod(shape)))).reshape(shape)

    def both(self, rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
        """The mean of the votes on n prompts, and the judge's outcome for x, 1, one half or 0; shapes (n,).

        Raises ValueError where the judge would agree less often than by chance.
        """
        chances = self._chances(rng, n)
        likeliest = chances.argmax(axis=1)
        unseeing = rng.choice(3, n, p=self.shares)
        by_chance = float(np.mean(unseeing == likeliest))
        wanted = 1.0 if self.judge_agreement is None else self.judge_agreement
        if wanted < by_chance - 0.01:
            raise ValueError(f"judge-agreement: {wanted:g} is below the {by_chance:.2f} that chance alone gives")
        seeing = rng.random(n) < (wanted - by_chance) / (1 - by_chance) if by_chance < 1 else np.zeros(n, dtype=bool)
        verdict = np.where(seeing, likeliest, unseeing)
        return self._means(rng, chances), 1 - verdict / 2

    def distribution(self) -> Floats:
        """The chance that the votes on a prompt have a mean of 0, 1 / (2 overlap), ..., 1; shape (2 overlap + 1,).

        That of the Dirichlet-multinomial distribution: Mosimann (1962), Biometrika 49, 65-82.
        """
        k, shares = self.overlap, np.array(self.shares)
        wins, ties = (part.ravel() for part in np.meshgrid(np.arange(k + 1), np.arange(k + 1)))
        counts = np.stack([wins, ties, k - wins - ties])
        counts = counts[:, (counts[2] >= 0) & ~counts[shares == 0].any(axis=0)]
        drawn, shares = counts[shares > 0], shares[shares > 0, None]
        chance = gammaln(k + 1) - gammaln(drawn + 1).sum(axis=0)
        if self.icc:
            weights = shares * (1 - self.icc) / self.icc
            chance += (gammaln(weights + drawn) - gammaln(weights)).sum(axis=0)
            chance += gammaln(weights.sum()) - gammaln(weights.sum() + k)
        else:
            chance += (drawn * np.log(shares)).sum(axis=0)
        return np.bincount(2 * counts[0] + counts[1], np.exp(chance), 2 * k + 1).astype(float)

    def joint(self, rng: np.random.Generator) -> Floats:
        """The chance of each mean of a prompt's votes with a verdict of 0, one half or 1; (2 overlap + 1, 3).

        Means have their exact chances, verdicts on each those of a sample; without a judge, verdicts say nothing.
        """
        chances = self.distribution()
        if self.judge_agreement is None:
            return np.stack([np.zeros_like(chances), chances, np.zeros_like(chances)], axis=1)
        votes, verdicts = self.both(rng, _PROMPTS)
        place = 3 * np.rint(2 * self.overlap * votes).astype(int) + np.rint(2 * verdicts).astype(int)
        counts = np.bincount(place, minlength=3 * len(chances)).reshape(-1, 3)
        each = counts.sum(axis=1, keepdims=True)
        overall = np.broadcast_to(counts.sum(axis=0) / _PROMPTS, counts.shape)  # for means that the sample lacks
        return np.asarray(chances[:, None] * np.divide(counts, each, out=overall.copy(), where=each > 0))

    def _means(self, rng: np.random.Generator, chances: Floats) -> Floats:
        outcomes = rng.multinomial(self.overlap, chances)
        return (outcomes[:, 0] + outcomes[:, 1] / 2) / self.overlap

    def _chances(self, rng: np.random.Generator, n: int) -> Floats:
        """Of win, tie and loss on each prompt, shape (n, 3)."""
        shares = np.array(self.shares)
        if not self.icc:
            return np.tile(shares, (n, 1))
        chances = np.zeros((n, 3))
        some = shares > 0
        chances[:, some] = rng.dirichlet(shares[some] * (1 - self.icc) / self.icc, n)
        return chances
