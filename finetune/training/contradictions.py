"""What two parts of a recipe cannot both say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune.model import PACKAGED
from ppai.errors import PPAIError

if TYPE_CHECKING:
    from finetune.recipe import Recipe


def check_contradictions(recipe: Recipe) -> None:
    """Raises PPAIError, naming both keys, where two parts of a recipe cannot both hold."""
    training, lora, quantization, speed = recipe.training, recipe.lora, recipe.quantization or {}, recipe.speed
    packed = training.get("packing") or training.get("padding_free")
    targets = lora.get("target_modules") or []
    kind = quantization.get("bnb_4bit_quant_type", "nf4")
    rules: list[tuple[object, str]] = [
        (training.get("bf16") and training.get("fp16"), "training.bf16 and training.fp16: only one can be on"),
        (
            training.get("max_steps", -1) > 0 and "num_train_epochs" in training,
            "training.max_steps and training.num_train_epochs: give one, as the steps would hide the epochs",
        ),
        (
            packed and training.get("train_sampling_strategy") == "group_by_length",
            "training.packing and training.train_sampling_strategy: packed rows are all of one length, so there is "
            "nothing to sort",
        ),
        (
            packed and speed is not None and speed.tokens_per_batch,
            "training.packing and speed.tokens_per_batch: speed packs by itself, leave packing out",
        ),
        (
            lora.get("lora_dropout") and speed is not None and speed.fused_projections,
            "lora.lora_dropout and speed.fused_projections: the fused operator drops nothing: set either to 0 or false",
        ),
        (
            training.get("train_sampling_strategy") == "group_by_length"
            and speed is not None
            and speed.tokens_per_batch,
            "training.train_sampling_strategy and speed.tokens_per_batch: packed rows are all of one length, so there "
            "is nothing to sort",
        ),
        (
            training.get("gradient_checkpointing") and speed is not None,
            "training.gradient_checkpointing and speed: speed.recompute_layers says it there",
        ),
        (
            training.get("eval_strategy", "steps") == "no",
            "training.eval_strategy: 'no' leaves no validation loss by which the best checkpoint is chosen",
        ),
        (
            training.get("eval_strategy") == "epoch" and "eval_steps" in training,
            "training.eval_strategy and training.eval_steps: an evaluation an epoch has no steps",
        ),
        (
            quantization.get("load_in_4bit") and quantization.get("load_in_8bit"),
            "quantization.load_in_4bit and quantization.load_in_8bit: only one can be on",
        ),
        (kind not in ("nf4", "fp4"), f"quantization.bnb_4bit_quant_type: {kind!r} is neither nf4 nor fp4"),
        (
            quantization and (recipe.base.name == PACKAGED or recipe.base.name.endswith(".gguf")),
            "quantization and base.name: a GGUF file is quantized already, and is trained without that section",
        ),
        (
            isinstance(targets, list | tuple) and "lm_head" in targets,
            "lora.target_modules: TRL computes the loss from lm_head's own weight, so an adapter on it is not trained",
        ),
        (
            speed is not None and training.get("torch_compile") and speed.compile,
            "training.torch_compile and speed.compile: give one, as the layers would be compiled twice",
        ),
    ]
    for broken, message in rules:
        if broken:
            raise PPAIError(message)
    for key, value in (speed.sft_arguments() if speed is not None else {}).items():
        if key != "max_length" and key in training and training[key] != value:  # that one is a sequence's limit too
            raise PPAIError(f"training.{key} and speed: speed sets it to {value!r}, so leave {key} out")
