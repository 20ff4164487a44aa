"""A base model that trains in seconds, the packaged SmolLM2 with its first layers alone, and an adapter of it."""

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


def write_small_adapter(base: Path, folder: Path) -> Path:
    """An adapter that changes what the base says."""
    import torch
    from peft import LoraConfig, get_peft_model

    from finetune.model import load_base

    model, tokenizer = load_base(str(base))
    torch.manual_seed(1)
    config = LoraConfig(r=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    adapted = get_peft_model(model, config)
    adapted.peft_config["default"].base_model_name_or_path = str(base)
    adapted.save_pretrained(folder, save_embedding_layers=False)
    tokenizer.save_pretrained(folder)
    return folder
