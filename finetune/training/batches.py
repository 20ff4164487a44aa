"""What stands in a batch of the trainer: how many of its tokens are text and no padding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def text_tokens(inputs: Mapping[str, Any]) -> Any:
    """Tokens that are no padding, a tensor of one integer on the batch's device.

    A padded batch has a mask. In a packed row each sequence's positions begin at 0, and a run of zeros is padding: so
    sequences are counted by their second token, and every other token by a position above 0.
    """
    if "attention_mask" in inputs:
        return inputs["attention_mask"].sum()
    positions = inputs["position_ids"]
    return (positions > 0).sum() + (positions == 1).sum()
