"""Loads an adapter with its base, and says plainly where the two do not fit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.model import HUB_ID, PACKAGED, load_base
from ppai.errors import MissingPackage, PPAIError

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
_WORDS = re.compile(r"PROMPT|P_TUNING|PREFIX_TUNING|CPT|CARTRIDGE")
"""Kinds of PEFT that train words in front of the text, and no weights."""


@dataclass(frozen=True)
class Adapter:
    """The directory of an adapter, and the base that it was trained on."""

    directory: Path
    base: str
    revision: str | None

    def revision_of(self, base: str) -> str | None:
        """That of the base it was trained on; None for another."""
        return self.revision if base == self.base else None


def read_adapter(directory: Path) -> Adapter:
    """Raises PPAIError where the directory holds no whole adapter."""
    if not directory.is_dir():
        raise PPAIError(f"{directory}: there is no such directory")
    missing = next((name for name in (CONFIG, WEIGHTS) if not (directory / name).is_file()), None)
    if missing is not None:
        raise PPAIError(f"{directory}: holds no adapter: {missing} is missing")
    try:
        config = json.loads((directory / CONFIG).read_text("utf-8"))
        base, revision = config["base_model_name_or_path"], config.get("revision")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise PPAIError(f"{directory}: {CONFIG} cannot be read") from error
    if not base:
        raise PPAIError(f"{directory}: {CONFIG} names no base model")
    kind = "aLoRA" if config.get("alora_invocation_tokens") else str(config.get("peft_type"))
    if kind == "aLoRA" or _WORDS.search(kind):
        raise PPAIError(f"{directory}: an adapter of the kind {kind} cannot be used; those that change weights can")
    return Adapter(directory, base, revision)


def base_warning(adapter: Adapter, base: str | None) -> str | None:
    """One line where `base` is another than the adapter names; None where it is not, or is not named.

    Bases of one shape take each other's adapters without a complaint; and a folder that was moved is the same base.
    """
    if base is None or _identity(base) == _identity(adapter.base):
        return None
    return (
        f"warning: {adapter.directory}: the adapter was trained on {adapter.base!r}, not on {base!r}: "
        "unless both are the same weights, its answers mean nothing"
    )


def _identity(base: str) -> str:
    if base in (PACKAGED, HUB_ID):
        return HUB_ID
    return str(Path(base).resolve()) if Path(base).exists() else base


def load_adapted(
    adapter: Adapter,
    *,
    base: str | None = None,
    device: str | None = None,
    dtype: str = "auto",
    four_bit: bool = False,
) -> Any:
    """The base with the adapter on it, ready for inference, and the adapter's tokenizer; padding on the left.

    `base` stands above the one that the adapter names; `device` None is a GPU where there is one, and on a CPU the
    weights are in float32; `four_bit` loads the base in NF4, as QLoRA trains on it. Raises PPAIError where either
    cannot be loaded, or the adapter is of another base.
    """
    try:
        import torch
        from peft import PeftModel
    except ImportError as error:
        raise MissingPackage(error.name or "peft", "train") from None
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    named = base or adapter.base
    model, tokenizer = load_base(
        named,
        revision=adapter.revision_of(named),
        dtype="float32" if device == "cpu" else dtype,
        quantization=four_bits(named) if four_bit else None,
    )
    _check_fits(model, adapter, named)
    try:
        adapted = PeftModel.from_pretrained(model, str(adapter.directory))
    except (RuntimeError, ValueError) as error:
        raise PPAIError(f"{adapter.directory}: the adapter does not fit the base {named!r}") from error
    tokenizer.padding_side = "left"
    adapted.eval()
    return (adapted if four_bit else adapted.to(device)), tokenizer


def four_bits(base: str) -> Any:
    """transformers' configuration of NF4. Raises PPAIError for a GGUF file, MissingPackage without bitsandbytes."""
    if base == PACKAGED or base.endswith(".gguf"):
        raise PPAIError(f"--load-in-4bit: {base!r} is a GGUF file, which is quantized already and is read as float32")
    try:
        import bitsandbytes  # noqa: F401
        import torch
        from transformers import BitsAndBytesConfig
    except ImportError as error:
        raise MissingPackage(error.name or "bitsandbytes", "train") from None
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if torch.cuda.is_available() else torch.float32,
    )


def _check_fits(model: Any, adapter: Adapter, named: str) -> None:
    """Each adapted weight must be one of the base's, and of its size; PEFT passes over the first in silence."""
    from safetensors import SafetensorError, safe_open

    sizes = {name.removesuffix(".weight"): tuple(one.shape) for name, one in model.named_parameters()}
    modules = dict(model.named_modules())
    try:
        with safe_open(adapter.directory / WEIGHTS, "pt") as weights:
            shapes = {key: tuple(weights.get_slice(key).get_shape()) for key in weights.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise PPAIError(f"{adapter.directory}: {WEIGHTS} is torn or no safetensors file") from error
    for key, shape in shapes.items():
        name, _, part = key.removeprefix("base_model.model.").partition(".lora_")
        if part not in ("A.weight", "B.weight"):
            continue
        module = modules.get(name)
        if module is None or not hasattr(module, "in_features"):
            what = f"which has no {name}"
        else:
            wanted = module.in_features if part[0] == "A" else module.out_features
            found = shape[1] if part[0] == "A" else shape[0]
            if found == wanted:
                continue
            what = f"whose {name} is of size {sizes.get(name)}"
        raise PPAIError(f"{adapter.directory}: the adapter was not trained on {named!r}, {what}")
    _check_depth(model, adapter, named, shapes)


def _check_depth(model: Any, adapter: Adapter, named: str, keys: Iterable[str]) -> None:
    """An adapter of a shallower base fits the first layers of a deeper one; it adapts all unless it says so."""
    config = json.loads((adapter.directory / CONFIG).read_text("utf-8"))
    targets = config.get("target_modules")
    by_layer = isinstance(targets, list) and not any(character.isdigit() for one in targets for character in one)
    if not by_layer or config.get("layers_to_transform") is not None or config.get("exclude_modules"):
        return
    adapted = {int(found[1]) for key in keys if (found := re.search(r"\.layers\.(\d+)\.", key))}
    layers = getattr(model.config, "num_hidden_layers", None)
    if adapted and layers is not None and max(adapted) + 1 < layers:
        raise PPAIError(
            f"{adapter.directory}: the adapter was not trained on {named!r}, which has {layers} layers: it adapts "
            f"{max(adapted) + 1}"
        )
