"""Packed rows as flash attention should get them: the padding at a row's end in few sequences instead of many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PADDING = 1024
"""The longest sequence that padding is put in; as long as the shortest bound of `attention.pack_inputs`."""


def few_sequences(collate: Callable[[list[dict[str, Any]]], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """TRL's collator of packed rows, with the padding as sequences of up to PADDING tokens.

    TRL gives every padding token the position 0, so that it counts as a sequence of its own; flash attention takes
    memory and time for each, up to gigabytes for the last row of a data set.
    """

    def collated(examples: list[dict[str, Any]]) -> dict[str, Any]:
        batch = collate(examples)
        return batch if "cu_seq_lens_q" not in batch else batch | _merged(batch["position_ids"])

    return collated


def _merged(positions: Any) -> dict[str, Any]:
    """Starts of the sequences and the longest of them in a row (1, tokens) that ends with padding, of positions 0."""
    import torch

    tokens = positions.shape[1]
    end = int(positions[0].nonzero().max()) + 1 if positions.any() else 0
    padding = torch.arange(end, tokens, PADDING)
    starts = torch.cat([(positions[0, :end] == 0).nonzero().flatten(), padding, torch.tensor([tokens])])
    both = {"cu_seq_lens": starts.to(torch.int32), "max_length": int(starts.diff().max())}
    return {f"{name}_{side}": value for name, value in both.items() for side in "qk"}
