"""Applies the `speed:` section of a recipe to a model that has its LoRA adapters."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from finetune.speed.settings import Speed
from ppai.errors import PPAIError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did, for the summary of a run."""

    layers: int
    fused_projections: int
    recomputed_layers: int
    dequantized_layers: int
    attention: str
    """`ppai_packed` where packed rows go to flash attention; else what the model had."""


def prepare_trainer(trainer: Any, speed: Speed) -> Prepared:
    """Makes TRL's SFTTrainer, made with `speed.sft_arguments()`, train as `speed` says; call it once, before train().

    Raises PPAIError as `prepare` does.
    """
    from finetune.speed.packing import few_sequences

    if speed.tokens_per_batch is not None:
        trainer.data_collator = few_sequences(trainer.data_collator)
    return prepare(trainer.model, speed)


def prepare(model: Any, speed: Speed) -> Prepared:
    """Makes `model`, a causal language model wrapped by PEFT, train as `speed` says, in place.

    Call it once, on the device that the model trains on, after whatever casts the adapters (TRL's trainer does, to
    bfloat16 on a quantized model). Norms, embeddings and the output layer are cast to the precision that the
    projections compute in. Raises PPAIError where the adapters are of a kind that the fused operator does not do, or a
    setting names more layers than there are.
    """
    import torch

    decoder = _decoder(model)
    layers = list(decoder.layers)
    recomputed = speed.layers("recompute_layers", len(layers))
    dequantized = speed.layers("dequantized_layers", len(layers))
    fused = 0
    if speed.fused_projections:
        from finetune.speed.projections import fuse

        fused = sum(
            fuse(layer, dequantized=i < dequantized, recompute=i < recomputed) for i, layer in enumerate(layers)
        )
        if not fused:
            raise PPAIError("speed.fused_projections: the model has no LoRA projection in its layers")
    _cast(model, getattr(torch, speed.adapter_dtype))
    attention = _attention(model, decoder, speed)
    if speed.compile:
        # Else the first layer, whose input alone needs no gradient, would be a region of its own.
        model.enable_input_require_grads()
    for i, layer in enumerate(layers):
        _region(layer, compiled=speed.compile, recompute=i < recomputed)
    return Prepared(len(layers), fused, recomputed, dequantized, attention)


def _decoder(model: Any) -> Any:
    """The part of the model that holds its decoder layers."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    decoder = getattr(base, base.base_model_prefix, base)
    if not hasattr(decoder, "layers"):
        raise PPAIError(f"speed: {type(base).__name__} has no decoder layers that it could be applied to")
    return decoder


def _cast(model: Any, adapter_dtype: Any) -> None:
    """Adapters to their type; whatever else is no quantized weight to the type that projections compute in."""
    import torch

    compute = _compute_dtype(model)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(adapter_dtype)
        elif parameter.dtype in (torch.float32, torch.float16, torch.bfloat16):
            parameter.data = parameter.data.to(compute)


def _compute_dtype(model: Any) -> Any:
    for module in model.modules():
        if getattr(module, "compute_dtype", None) and hasattr(module.weight, "quant_state"):
            return module.compute_dtype
    return model.get_input_embeddings().weight.dtype


def _attention(model: Any, decoder: Any, speed: Speed) -> str:
    from finetune.speed.attention import pack_inputs, register, supported

    weight = model.get_input_embeddings().weight
    if speed.tokens_per_batch is None or not supported(weight.device) or weight.element_size() != 2:
        return str(decoder.config._attn_implementation)
    decoder.config._attn_implementation = register()
    decoder.register_forward_pre_hook(pack_inputs, with_kwargs=True)
    return str(decoder.config._attn_implementation)


def _region(layer: Any, *, compiled: bool, recompute: bool) -> None:
    from finetune.speed.regions import compile_layer, recompute_layer

    if compiled:
        compile_layer(layer, recompute=recompute)
    elif recompute:
        recompute_layer(layer)
