"""Draws the next token of each row of a batch with numbers of the row's own.

What a row draws depends on its seed and its own text alone: not on what else is in the batch, nor on the device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ppai.errors import PPAIError

if TYPE_CHECKING:
    from torch import Tensor

NUCLEUS = 512
"""Candidates that are looked at first; sorting a whole vocabulary takes as long as a step of a small model."""


@dataclass(frozen=True)
class Settings:
    """How one response is sampled."""

    max_new_tokens: int = 150
    temperature: float = 0.7
    """0 takes the most probable token each time."""
    top_p: float = 0.9
    repetition_penalty: float = 1.15
    """1 for none."""

    def __post_init__(self) -> None:
        """Raises PPAIError where nothing can be sampled so."""
        for name, fits, wanted in (
            ("max_new_tokens", self.max_new_tokens > 0, "above 0"),
            ("temperature", 0 <= self.temperature < math.inf, "0 or above"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("repetition_penalty", 0 < self.repetition_penalty < math.inf, "above 0"),
        ):
            if not fits:
                raise PPAIError(f"--{name.replace('_', '-')} must be {wanted}, not {getattr(self, name)}")


class Sampler:
    """The draws of a batch. A row's numbers are those of a generator with its seed, one a token."""

    def __init__(
        self, settings: Sequence[Settings], seeds: Sequence[int], prompts: Sequence[Sequence[int]], device: Any
    ) -> None:
        """`prompts` are the tokens of each row's prompt, which the repetition penalty counts too."""
        import torch

        self._device = device
        self._greedy = torch.tensor([one.temperature == 0 for one in settings], device=device)
        self._temperature = self._column([one.temperature or 1.0 for one in settings])
        self._top_p = self._column([one.top_p for one in settings])
        self._penalty = self._column([one.repetition_penalty for one in settings])
        most = max(one.max_new_tokens for one in settings)
        self._drawn = torch.stack([_numbers(seed, most) for seed in seeds]).to(device)
        longest = max(len(prompt) for prompt in prompts)
        filled = [[prompt[0]] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
        self._seen = torch.tensor(filled, device=device)
        self._penalised = any(one.repetition_penalty != 1 for one in settings)
        self._all_greedy = all(one.temperature == 0 for one in settings)

    def _column(self, values: Sequence[float]) -> Tensor:
        import torch

        return torch.tensor(values, dtype=torch.float32, device=self._device)[:, None]

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows of the batch alone."""
        for name in ("_drawn", "_temperature", "_greedy", "_top_p", "_penalty", "_seen"):
            setattr(self, name, getattr(self, name)[rows])

    def next(self, logits: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """From logits of shape (rows, vocabulary) the token of each row, and its margin; both of shape (rows,).

        The margin says how little would have given another token: of a greedy row the difference of its two highest
        scores, of a sampled one a distance in probability, see `_sampled`.
        """
        import torch

        scores = self._scores(logits.float())
        best = scores.topk(2)
        tokens, margins = scores.argmax(-1), (best.values[:, 0] - best.values[:, 1]).double()
        if not self._all_greedy:
            sampled, near = self._sampled(scores, self._drawn[:, step : step + 1])
            tokens, margins = torch.where(self._greedy, tokens, sampled), torch.where(self._greedy, margins, near)
        self._seen = torch.cat([self._seen, tokens[:, None]], 1)
        return tokens, margins

    def _scores(self, logits: Tensor) -> Tensor:
        """The repetition penalty of CTRL (Keskar et al. 2019), as transformers applies it: on all tokens so far."""
        import torch

        if not self._penalised:
            return logits
        seen = logits.gather(1, self._seen)
        return logits.scatter(1, self._seen, torch.where(seen < 0, seen * self._penalty, seen / self._penalty))

    def _sampled(self, scores: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """Nucleus sampling (Holtzman et al. 2020): the fewest tokens that together have at least `top_p`.

        They stand in the order of the vocabulary, each with its share of 0 to 1, and the number drawn falls into one.
        The margin is the smaller of its distance from the ends of that share, and of the probability by which a token
        is in the nucleus or out of it, among those whose coming or going could move the number into another share.
        """
        import torch

        scaled = scores / self._temperature
        total = scaled.logsumexp(-1, keepdim=True)
        for count in (min(NUCLEUS, scaled.shape[1]), scaled.shape[1]):
            top = scaled.topk(count)
            shares = (top.values - total).double().exp()
            mass = shares.cumsum(-1)
            if count == scaled.shape[1] or bool((mass[:, -1:] >= self._top_p).all()):
                break
        inside = (mass - shares) < self._top_p
        # By the vocabulary and not by size: two tokens that are nearly as probable may change places by rounding.
        order = torch.where(inside, top.indices, scaled.shape[1]).sort(-1)
        ends = torch.where(inside, shares, 0.0).gather(1, order.indices).cumsum(-1)
        ends = ends / ends[:, -1:]
        chosen = torch.searchsorted(ends, drawn.contiguous(), right=True)
        chosen = torch.minimum(chosen, inside.sum(-1, keepdim=True) - 1)
        starts = torch.cat([torch.zeros_like(drawn), ends], 1).gather(1, chosen)
        near = torch.minimum(drawn - starts, ends.gather(1, chosen) - drawn).abs()
        edges = torch.where(shares >= near / 2, (mass - shares - self._top_p).abs(), 1.0)
        margins = torch.minimum(near[:, 0], edges.min(-1).values)
        return order.values.gather(1, chosen)[:, 0], margins


def _numbers(seed: int, count: int) -> Tensor:
    """Of 0 to 1, the same for a larger count; of the CPU's generator on every device."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, generator=generator, dtype=torch.float64)
