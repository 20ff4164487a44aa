"""A Mistral-7B with random weights in NF4, built on the GPU without a file."""

from __future__ import annotations

from typing import Any

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SHAPE = {
    "vocab_size": 32768, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 32768,
    "sliding_window": None, "tie_word_embeddings": False,
}  # fmt: skip
TINY = {
    "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 32,
}  # fmt: skip


def build_model(device: str, tiny: bool, vocabulary: int = 0) -> Any:
    """A Mistral-7B (or one of two small layers) with random weights, its projections quantized to NF4 one by one.

    Its vocabulary is Mistral's, or one of more tokens.
    """
    import torch
    from transformers import AutoModelForCausalLM, MistralConfig

    tokens = {"vocab_size": max(vocabulary, int(SHAPE["vocab_size"] or 0))}
    config = MistralConfig(**(SHAPE | (TINY if tiny else {}) | tokens))
    torch.manual_seed(0)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=torch.bfloat16)
    _fill(model, config, device)
    model.is_loaded_in_4bit = True
    model.config.use_cache = False
    return model


def _fill(module: Any, config: Any, device: str) -> None:
    import torch

    def normal(*shape: int) -> Any:
        return torch.empty(shape, dtype=torch.bfloat16, device=device).normal_(0, 0.02)

    for name, child in list(module.named_children()):
        if isinstance(child, torch.nn.Linear) and name != "lm_head":
            setattr(module, name, _quantized(normal(child.out_features, child.in_features), device))
        elif isinstance(child, (torch.nn.Linear, torch.nn.Embedding)):
            child.weight = torch.nn.Parameter(normal(*child.weight.shape), requires_grad=False)
        elif type(child).__name__.endswith("RMSNorm"):
            ones = torch.ones(child.weight.shape, dtype=torch.bfloat16, device=device)
            child.weight = torch.nn.Parameter(ones, requires_grad=False)
        elif "Rotary" in type(child).__name__:
            with torch.device(device):
                setattr(module, name, type(child)(config))
        else:
            _fill(child, config, device)


def _quantized(weight: Any, device: str) -> Any:
    import bitsandbytes as bnb
    import torch

    linear = bnb.nn.Linear4bit(
        weight.shape[1], weight.shape[0], bias=False, compute_dtype=torch.bfloat16, compress_statistics=True,
        quant_type="nf4",
    )  # fmt: skip
    linear.weight = bnb.nn.Params4bit(
        weight, requires_grad=False, compress_statistics=True, quant_type="nf4", module=linear
    )
    return linear.to(device)


def lora_config(targets: list[str], dropout: float = 0.0) -> Any:
    """PEFT's configuration of the published adapters."""
    from peft import LoraConfig

    return LoraConfig(
        r=16, lora_alpha=64, lora_dropout=dropout, target_modules=targets, bias="none", task_type="CAUSAL_LM"
    )
