"""Writes a batch of responses together, a token of each at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eval.generating.cache import open_cache
from eval.generating.sampling import Sampler, Settings

Forward = Callable[[Sequence["Row"], dict[str, Any]], Any]
"""From the rows, in their order, and what the model is given, to the logits of each row's next token."""


@dataclass
class Row:
    """One response while it is being written."""

    place: int
    """Of the request."""
    prompt: list[int]
    settings: Settings
    seed: int
    adapted: bool
    tokens: list[int] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    ended: bool = False
    """By the model; else the limit ended it, or it is not finished."""

    @property
    def finished(self) -> bool:
        return self.ended or len(self.tokens) >= self.settings.max_new_tokens

    def again(self) -> Row:
        """The same from its beginning."""
        return Row(self.place, self.prompt, self.settings, self.seed, self.adapted)


class Decoding:
    """Rows that are written together; each `step` gives all of them a token, and those that are finished leave."""

    def __init__(self, forward: Forward, config: Any, rows: Sequence[Row], ends: frozenset[int], device: Any) -> None:
        """`ends` are the tokens that end a response; they are not among its `tokens`. The left side is padded."""
        import torch

        self.running = list(rows)
        self._forward, self._ends, self._device = forward, ends, device
        longest = max(len(row.prompt) for row in rows)
        pads = [longest - len(row.prompt) for row in rows]
        # A pad is never looked at, but it must be a token of the model: any that is there will do.
        filled = [[row.prompt[0]] * pad + row.prompt for row, pad in zip(rows, pads, strict=True)]
        self._tokens = torch.tensor(filled, device=device)
        self._mask = (torch.arange(longest)[None, :] >= torch.tensor(pads)[:, None]).long().to(device)
        self._positions = (self._mask.cumsum(-1) - 1).clamp(min=0)
        self._sampler = Sampler([row.settings for row in rows], [row.seed for row in rows], filled, device)
        self._cache, self._step = open_cache(config), 0

    def step(self) -> list[Row]:
        """The rows that got a token."""
        import torch

        with torch.inference_mode():
            logits = self._forward(
                self.running,
                {
                    "input_ids": self._tokens,
                    "attention_mask": self._mask,
                    "position_ids": self._positions,
                    "past_key_values": self._cache,
                    "use_cache": True,
                },
            )
            chosen, margins = self._sampler.next(logits, self._step)
            told = self.running
            for row, token, margin in zip(told, chosen.tolist(), margins.tolist(), strict=True):
                row.margins.append(margin)
                row.ended = token in self._ends
                if not row.ended:
                    row.tokens.append(token)
            self._step += 1
            self._go_on(chosen)
        return told

    def _go_on(self, chosen: Any) -> None:
        import torch

        kept = [number for number, row in enumerate(self.running) if not row.finished]
        if kept and len(kept) < len(self.running):
            index = torch.tensor(kept, device=self._device)
            self._cache.batch_select_indices(index)
            self._sampler.keep(index)
            chosen, self._mask, self._positions = chosen[index], self._mask[index], self._positions[index]
        self.running = [self.running[number] for number in kept]
        self._tokens = chosen[:, None]
        self._mask = torch.cat([self._mask, torch.ones_like(self._mask[:, :1])], 1)
        self._positions = self._positions[:, -1:] + 1
