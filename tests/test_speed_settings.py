"""The `speed:` section of a recipe: what it takes, what it refuses, and what it tells TRL."""

from __future__ import annotations

from typing import Any

import pytest

from finetune.speed import Speed
from ppai.errors import PPAIError


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("tokens_per_batch", 100, "speed.tokens_per_batch: 100"),
        ("tokens_per_batch", 32, "speed.tokens_per_batch: 32"),
        ("tokens_per_batch", True, "speed.tokens_per_batch: True"),
        ("tokens_per_batch", "8192", "speed.tokens_per_batch: '8192'"),
        ("compile", "yes", "speed.compile: 'yes'"),
        ("fused_projections", 1, "speed.fused_projections: 1"),
        ("recompute_layers", -1, "speed.recompute_layers: -1"),
        ("recompute_layers", "some", "speed.recompute_layers: 'some'"),
        ("recompute_layers", True, "speed.recompute_layers: True"),
        ("dequantized_layers", 1.5, "speed.dequantized_layers: 1.5"),
        ("adapter_dtype", "float16", "speed.adapter_dtype: 'float16'"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it(field: str, value: Any, told: str) -> None:
    with pytest.raises(PPAIError) as caught:
        Speed(**{field: value})
    assert str(caught.value).startswith(told) and "\n" not in str(caught.value)


def test_weights_are_dequantized_for_the_fused_operator_alone() -> None:
    with pytest.raises(PPAIError, match=r"dequantized_layers needs speed\.fused_projections"):
        Speed(fused_projections=False, dequantized_layers=4)


def test_layers_are_counted_and_more_than_there_are_refused() -> None:
    assert Speed(recompute_layers="all").layers("recompute_layers", 30) == 30
    assert Speed(recompute_layers=7).layers("recompute_layers", 30) == 7
    with pytest.raises(PPAIError, match=r"speed\.recompute_layers: 31, but the model has 30 layers"):
        Speed(recompute_layers=31).layers("recompute_layers", 30)


def test_tokens_a_batch_become_packed_rows_of_one_width() -> None:
    arguments = Speed(tokens_per_batch=4096).sft_arguments()
    assert arguments["packing"] and arguments["packing_strategy"] == "bfd"
    assert arguments["max_length"] == arguments["pad_to_multiple_of"] == 4096
    assert arguments["per_device_train_batch_size"] == arguments["per_device_eval_batch_size"] == 1


def test_without_tokens_a_batch_the_batches_are_those_of_the_recipe() -> None:
    assert not {"packing", "max_length", "per_device_train_batch_size"} & set(Speed().sft_arguments())


def test_autocast_stays_where_the_projections_are_pefts_own() -> None:
    assert Speed().sft_arguments()["bf16"] is False
    assert "bf16" not in Speed(fused_projections=False).sft_arguments()
