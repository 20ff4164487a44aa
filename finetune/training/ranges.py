"""What the numbers of a recipe may be: TRL and PEFT take many with which a run fails late, or trains nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from finetune.recipe import Recipe
from ppai.errors import PPAIError

AT_LEAST_ONE = (
    "per_device_train_batch_size",
    "per_device_eval_batch_size",
    "gradient_accumulation_steps",
    "max_length",
    "save_total_limit",
)
ABOVE_ZERO = ("learning_rate", "num_train_epochs", "logging_steps", "eval_steps", "adam_epsilon")
NOT_BELOW_ZERO = ("weight_decay", "max_grad_norm", "warmup_steps", "warmup_ratio", "eval_delay")
SHARES = ("adam_beta1", "adam_beta2")
PLAIN_LOSSES = (None, "nll", "chunked_nll")


def check_training(recipe: Recipe) -> None:
    """Raises PPAIError naming file and key where a number of `training` trains nothing, or its loss is another."""
    values = recipe.training
    _check(recipe, "training", values, AT_LEAST_ONE, "at least 1", lambda one: one >= 1)
    _check(recipe, "training", values, ABOVE_ZERO, "above 0", lambda one: one > 0)
    _check(recipe, "training", values, NOT_BELOW_ZERO, "at least 0", lambda one: one >= 0)
    _check(recipe, "training", values, SHARES, "at least 0 and below 1", lambda one: 0 <= one < 1)
    _check(
        recipe, "training", values, ("max_steps",), "above 0, or -1 for whole epochs", lambda one: one > 0 or one == -1
    )
    if values.get("loss_type") not in PLAIN_LOSSES:
        raise PPAIError(
            f"{recipe.name}: training.loss_type: {values['loss_type']!r} is another loss than the one in nats by which "
            "the best checkpoint is chosen: leave it out"
        )
    if values.get("label_smoothing_factor"):
        raise PPAIError(
            f"{recipe.name}: training.label_smoothing_factor: the validation loss would be smoothed too, and be no "
            "longer one in nats: leave it out"
        )


def check_lora(recipe: Recipe) -> None:
    """Raises PPAIError naming file and key where a number of `lora` makes no adapter."""
    _check(recipe, "lora", recipe.lora, ("r",), "at least 1", lambda one: one >= 1)
    _check(recipe, "lora", recipe.lora, ("lora_alpha",), "above 0", lambda one: one > 0)
    _check(recipe, "lora", recipe.lora, ("lora_dropout",), "at least 0 and below 1", lambda one: 0 <= one < 1)


def _check(recipe: Recipe, section: str, values: Mapping[str, Any], keys: Iterable[str], what: str, fits: Any) -> None:
    """A value that is no number, such as null, is its library's to check."""
    for key in keys:
        value = values.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        if not math.isfinite(value) or not fits(value):
            raise PPAIError(f"{recipe.name}: {section}.{key}: must be {what}, not {value!r}")
