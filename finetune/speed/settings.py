"""The `speed:` section of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ppai.errors import PPAIError

ADAPTER_TYPES = ("float32", "bfloat16")
SHORTEST_ROW = 64


@dataclass(frozen=True)
class Speed:
    """How training is made fast. Every field stands alone; a recipe without the section uses none of them.

    Raises PPAIError where a value is none of those said below.
    """

    tokens_per_batch: int | None = None
    """Sequences are packed into rows of this many tokens (best fit, decreasing), one row a micro-batch; None pads."""

    fused_projections: bool = True
    """LoRA projections run as one operator that dequantizes the base weight once and adds the adapter in place."""

    compile: bool = True
    """Each decoder layer is compiled as one region (torch.compile); the first steps take a minute longer."""

    recompute_layers: int | str = 0
    """Layers, from the first, whose activations are computed again in the backward pass: a number or `all`."""

    dequantized_layers: int | str = 0
    """Layers, from the first, whose NF4 weights are also kept in bfloat16: a number or `all`. The values are those that
    NF4 gives, so the loss is the same; a Mistral-7B takes 0.41 GiB a layer."""

    adapter_dtype: str = "float32"
    """What the adapters are kept and updated in: float32, or bfloat16, which loses updates below 1/256 of a weight.
    Both are multiplied in the precision of the model."""

    def __post_init__(self) -> None:
        tokens = self.tokens_per_batch
        if tokens is not None and (not _whole(tokens) or tokens < SHORTEST_ROW or tokens % 8):
            raise PPAIError(
                f"speed.tokens_per_batch: {tokens!r} is no number of tokens (a multiple of 8, at least {SHORTEST_ROW})"
            )
        for name in ("fused_projections", "compile"):
            if not isinstance(getattr(self, name), bool):
                raise PPAIError(f"speed.{name}: {getattr(self, name)!r} is neither true nor false")
        for name in ("recompute_layers", "dequantized_layers"):
            value = getattr(self, name)
            if value != "all" and (not _whole(value) or value < 0):
                raise PPAIError(f"speed.{name}: {value!r} is neither a number of layers nor 'all'")
        if self.adapter_dtype not in ADAPTER_TYPES:
            raise PPAIError(f"speed.adapter_dtype: {self.adapter_dtype!r} is none of {', '.join(ADAPTER_TYPES)}")
        if self.dequantized_layers and not self.fused_projections:
            raise PPAIError("speed.dequantized_layers needs speed.fused_projections: true")

    def sft_arguments(self) -> dict[str, Any]:
        """The fields of TRL's SFTConfig that follow from these settings; they stand above a recipe's own."""
        arguments: dict[str, Any] = {
            "gradient_checkpointing": False,
            # Both would let the GPU wait for the CPU at every step: a look at each loss, and copies of each batch.
            "logging_nan_inf_filter": False,
            "accelerator_config": {"non_blocking": True},
            # On several GPUs: every adapter takes part in every step, and the buffers are the same everywhere.
            "ddp_find_unused_parameters": False,
            "ddp_broadcast_buffers": False,
        }
        if self.fused_projections:  # the model is in its precision and the operator casts the adapters: no autocast
            arguments |= {"bf16": False, "fp16": False}
        if self.tokens_per_batch is not None:
            arguments |= {
                "packing": True,
                "packing_strategy": "bfd",
                "max_length": self.tokens_per_batch,
                "pad_to_multiple_of": self.tokens_per_batch,
                "per_device_train_batch_size": 1,
                "per_device_eval_batch_size": 1,
            }
        return arguments

    def layers(self, name: str, total: int) -> int:
        """How many of `total` layers the setting `recompute_layers` or `dequantized_layers` stands for.

        Raises PPAIError where it names more than there are.
        """
        value = getattr(self, name)
        if value == "all":
            return total
        if value > total:
            raise PPAIError(f"speed.{name}: {value}, but the model has {total} layers")
        return int(value)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
