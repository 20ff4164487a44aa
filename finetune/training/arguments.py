"""The sections of a recipe as the arguments of TRL, PEFT and bitsandbytes, every key checked."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from finetune.recipe import Recipe, check_keys, check_types
from finetune.training.ranges import check_lora, check_training
from ppai.errors import MissingPackage, PPAIError

LOGS = ("none", "tensorboard", "trackio")

_OF_PPAI = "PPAI sets it itself: leave it out"
_OF_THE_COMMAND = "say it on the command line: "
REASONS = {
    "output_dir": _OF_THE_COMMAND + "--out",
    "resume_from_checkpoint": "a run that was stopped goes on by itself, with the same --out",
    "push_to_hub": _OF_THE_COMMAND + "--push-to-hub OWNER/NAME",
    "hub_model_id": _OF_THE_COMMAND + "--push-to-hub OWNER/NAME",
    "hub_token": "a token stands in HF_TOKEN alone",
    "report_to": _OF_THE_COMMAND + "--log tensorboard or trackio",
    "run_name": _OF_THE_COMMAND + "--out names the run",
    "save_strategy": "a checkpoint is saved at each evaluation: eval_strategy",
    "save_steps": "a checkpoint is saved at each evaluation: eval_steps",
    "load_best_model_at_end": "the best checkpoint by validation loss is always what is saved",
    "metric_for_best_model": "the best checkpoint is that of the lowest validation loss",
    "greater_is_better": "the best checkpoint is that of the lowest validation loss",
    "completion_only_loss": "the loss is always on the answer only",
    "assistant_only_loss": "the loss is always on the answer only",
    "save_only_model": "a run could not be resumed",
    "chat_template_path": "the model's own chat template is used",
    "eos_token": "the model's own end of a turn is learned",
    "pad_token": "the tokenizer's own is used, and padding is never learned",
    "dataset_text_field": _OF_PPAI,
    "dataset_kwargs": _OF_PPAI,
    "model_init_kwargs": "the section base says it",
    "trust_remote_code": "code that comes with a model is not run",
    "do_train": _OF_PPAI,
    "do_eval": _OF_PPAI,
    "do_predict": _OF_PPAI,
    "disable_tqdm": _OF_PPAI,
    "remove_unused_columns": _OF_PPAI,
    "prediction_loss_only": _OF_PPAI,
    "logging_nan_inf_filter": "a loss that is no number ends the run",
    "auto_find_batch_size": "it changes how many sequences make a step, without a word; lower the batch size",
    "truncation_mode": "a sequence above max_length is an error, and none is cut",
    "local_rank": "accelerate launch sets it",
}
LORA_REASONS = {
    "task_type": "PPAI trains causal language models only",
    "peft_type": "PPAI trains LoRA adapters only",
    "inference_mode": _OF_PPAI,
    "base_model_name_or_path": "base.name says it",
    "revision": "base.revision says it",
    "auto_mapping": _OF_PPAI,
    "peft_version": _OF_PPAI,
}
EVALUATION_BATCH = 64
"""Sequences that an evaluation starts with; halved until they fit."""
EVALUATION_BATCH_OF_MANY = 8
"""The same of each of several processes, which cannot halve it together."""


def sft_config(recipe: Recipe, checkpoints: Path, *, log: str = "none") -> Any:
    """TRL's SFTConfig for a run that keeps its checkpoints in `checkpoints`.

    Raises PPAIError naming file and key where a key of `training` is not known, of a wrong type, or refused by TRL.
    """
    try:
        from trl import SFTConfig
    except ImportError as error:
        raise MissingPackage(error.name or "trl", "train") from None
    _check_log(log)
    training = dict(recipe.training)
    _check(recipe, "training", training, SFTConfig, [one.name for one in fields(SFTConfig)], REASONS)
    check_training(recipe)
    own = {
        "output_dir": str(checkpoints),
        "save_strategy": training.get("eval_strategy", "steps"),
        "eval_strategy": "steps",
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
        "completion_only_loss": True,
        "report_to": log,
        "disable_tqdm": True,
        "prediction_loss_only": True,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "restore_callback_states_from_checkpoint": True,
    }
    if "eval_steps" in training:
        own["save_steps"] = training["eval_steps"]
    else:
        own |= {} if training.get("eval_strategy") == "epoch" else {"eval_steps": 100, "save_steps": 100}
    defaults = {"save_total_limit": 2, "per_device_eval_batch_size": EVALUATION_BATCH}
    precision = {"bf16": _checked_precision(recipe)}
    fast = recipe.speed.sft_arguments() if recipe.speed else {}
    config = _built(recipe, "training", SFTConfig, {**defaults, **precision, **own, **training, **fast})
    if config.world_size > 1 and "per_device_eval_batch_size" not in training:
        config.per_device_eval_batch_size = min(config.per_device_eval_batch_size, EVALUATION_BATCH_OF_MANY)
    if config.n_gpu > 1:  # in one process: the trainer would cut each batch in parts for all of them (nn.DataParallel)
        config._n_gpu = 1
    return config


def lora_config(recipe: Recipe) -> Any:
    """PEFT's LoraConfig. Raises PPAIError as `sft_config` does."""
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise MissingPackage(error.name or "peft", "train") from None
    names = [one.name for one in fields(LoraConfig)]
    _check(recipe, "lora", recipe.lora, LoraConfig, names, LORA_REASONS)
    check_lora(recipe)
    return _built(recipe, "lora", LoraConfig, {"target_modules": "all-linear", **recipe.lora, "task_type": "CAUSAL_LM"})


def quantization_config(recipe: Recipe) -> Any | None:
    """transformers' BitsAndBytesConfig, or None where the recipe does not quantize. Raises PPAIError likewise."""
    if recipe.quantization is None:
        return None
    try:
        import bitsandbytes  # noqa: F401
        from transformers import BitsAndBytesConfig
    except ImportError as error:
        raise MissingPackage(error.name or "bitsandbytes", "train") from None
    parameters = inspect.signature(BitsAndBytesConfig.__init__).parameters
    names = [name for name in parameters if name not in ("self", "kwargs")]
    _check(recipe, "quantization", recipe.quantization, None, names, {})
    if not (recipe.quantization.get("load_in_4bit") or recipe.quantization.get("load_in_8bit")):
        raise PPAIError(
            f"{recipe.name}: quantization: neither load_in_4bit nor load_in_8bit is on: leave the section out"
        )
    return _built(recipe, "quantization", BitsAndBytesConfig, dict(recipe.quantization))


def _checked_precision(recipe: Recipe) -> bool:
    """Whether to use bfloat16 where the recipe does not say. Raises PPAIError where the device lacks what it says."""
    import torch

    able = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    if recipe.training.get("bf16") and not able and not recipe.training.get("use_cpu"):
        raise PPAIError(f"{recipe.name}: training.bf16: this machine has no GPU that does bfloat16: set it to false")
    if recipe.training.get("fp16") and not torch.cuda.is_available():
        raise PPAIError(f"{recipe.name}: training.fp16: this machine has no GPU: set it to false")
    return able and not recipe.training.get("fp16")


def _check_log(log: str) -> None:
    if log not in LOGS:
        raise PPAIError(f"--log: {log!r} is none of {', '.join(LOGS)}")
    if log != "none" and find_spec(log) is None:
        raise MissingPackage(log, "log")


def _check(
    recipe: Recipe,
    section: str,
    values: Mapping[str, Any],
    kind: type | None,
    known: list[str],
    reasons: Mapping[str, str],
) -> None:
    try:
        check_keys(values, known, f"{section}.", reasons)
        if kind is not None:
            check_types(values, kind, f"{section}.")
    except PPAIError as error:
        raise PPAIError(f"{recipe.name}: {error}") from error


def _built(recipe: Recipe, section: str, kind: Any, values: Mapping[str, Any]) -> Any:
    try:
        return kind(**values)
    except (ValueError, TypeError, ImportError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise PPAIError(f"{recipe.name}: {section}: {reason}") from error
