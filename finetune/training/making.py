"""Makes the trainer of a run: the base with a new adapter, the data, and what stops and tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from finetune.model import load_base, load_outline
from finetune.recipe import Recipe
from finetune.training.arguments import lora_config, quantization_config
from finetune.training.meter import Meter, flops_per_token, measured_peak, trainable
from finetune.training.prepared import Prepared
from finetune.training.progress import progress_class
from finetune.training.tokens import Example
from finetune.training.trainer import trainer_class
from ppai.errors import PPAIError

Say = Callable[[str], None]


def make_trainer(prepared: Prepared, config: Any, say: Say) -> tuple[Any, dict[str, Any] | None]:
    """The trainer of a run, its model prepared as the `speed` section says, and what that did."""
    from transformers import EarlyStoppingCallback, PrinterCallback

    recipe = prepared.recipe
    lora, quantization = lora_config(recipe), quantization_config(recipe)
    model, _ = load_base(
        recipe.base.name,
        revision=recipe.base.revision,
        dtype=recipe.base.dtype,
        attention=recipe.base.attention,
        quantization=quantization,
        sharded=bool(config.fsdp),
    )
    callbacks: list[Any] = [progress_class()(say)]
    if recipe.stopping.patience is not None:
        callbacks.append(EarlyStoppingCallback(recipe.stopping.patience, recipe.stopping.min_delta))
    # The longest first: batches have little padding, and what does not fit fails at once.
    judged = sorted(prepared.validation, key=lambda one: -len(one.input_ids))
    with _of_the_recipe(recipe):
        trainer = trainer_class()(
            model,
            args=config,
            train_dataset=_dataset(prepared.train),
            eval_dataset=_dataset(judged),
            processing_class=prepared.tokenizer,
            peft_config=lora,
            callbacks=callbacks,
        )
    trainer.remove_callback(PrinterCallback)
    _name_base(trainer.model, recipe)
    fast = _prepare_speed(trainer, recipe)
    trainer.sizes = learned, total = trainable(trainer.model)  # before FSDP takes them apart
    say(f"trainable parameters: {learned:,} of {total:,} ({learned / total:.2%})")
    trainer.meter = Meter(flops_per_token(trainer.model), _peak(trainer))
    return trainer, fast


def check_layers(recipe: Recipe, lora: Any) -> None:
    """Raises PPAIError, without loading a weight, where the model has no layers for the adapter or for `speed`."""
    from copy import copy

    from peft import get_peft_model

    model = load_outline(recipe.base.name, revision=recipe.base.revision, attention=recipe.base.attention)
    plain = copy(lora)
    plain.init_lora_weights = True  # others read the weights
    with _of_the_recipe(recipe):
        get_peft_model(model, plain)
    if recipe.speed is None:
        return
    for name in ("recompute_layers", "dequantized_layers"):
        recipe.speed.layers(name, model.config.num_hidden_layers)


@contextmanager
def _of_the_recipe(recipe: Recipe) -> Iterator[None]:
    """Raises PPAIError for what TRL and PEFT refuse, such as target modules that the model does not have."""
    try:
        yield
    except ValueError as error:
        raise PPAIError(f"{recipe.name}: {' '.join(str(error).split())}") from error


def _prepare_speed(trainer: Any, recipe: Recipe) -> dict[str, Any] | None:
    if recipe.speed is None:
        return None
    from finetune.speed import prepare_trainer

    return asdict(prepare_trainer(trainer, recipe.speed))


def _peak(trainer: Any) -> float:
    """Of all processes together, in the precision that the matrix products are done in."""
    import torch

    args = trainer.args
    weights = trainer.model.get_input_embeddings().weight.dtype
    dtype = torch.bfloat16 if args.bf16 else torch.float16 if args.fp16 else weights
    return measured_peak(args.device, dtype) * trainer.accelerator.num_processes


def _dataset(examples: list[Example]) -> Any:
    from datasets import Dataset

    return Dataset.from_dict(
        {"input_ids": [one.input_ids for one in examples], "labels": [one.labels for one in examples]}
    )


def _name_base(model: Any, recipe: Recipe) -> None:
    """The adapter's files name the base as the recipe does, and saving it asks no hub about that base."""
    from functools import partial

    config = model.peft_config["default"]
    config.base_model_name_or_path, config.revision = recipe.base.name, recipe.base.revision
    if not config.modules_to_save and "embed_tokens" not in (config.target_modules or ()):
        model.save_pretrained = partial(model.save_pretrained, save_embedding_layers=False)
