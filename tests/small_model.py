"""A base model that trains in seconds: the packaged SmolLM2 with its first layers alone, its tokenizer and template."""

from __future__ import annotations

from pathlib import Path

LAYERS = 2


def write_small_base(folder: Path) -> Path:
    """Real weights of the embedding and the first layers, as safetensors."""
    import torch

    from finetune.model import PACKAGED, load_base

    model, tokenizer = load_base(PACKAGED)
    model.model.layers = model.model.layers[:LAYERS]
    model.config.num_hidden_layers = LAYERS
    for place in (model, model.config):
        if getattr(place, "quantization_config", None) is not None:
            del place.quantization_config
    model.hf_quantizer = None
    model.to(torch.float32).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
