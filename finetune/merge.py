"""Merges an adapter into its base: weights of their own, as safetensors and as GGUF."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from finetune.adapter import Adapter, base_warning, load_adapted, read_adapter
from finetune.training.failures import memory_told
from finetune.training.quiet import quiet
from ppai.errors import PPAIError

CONVERTER = "convert_hf_to_gguf.py"
GGUF_TYPES = ("f32", "f16", "bf16", "q8_0")
DTYPES = ("auto", "float32", "bfloat16", "float16")

Say = Callable[[str], None]


def merge(
    directory: Path,
    out: Path,
    *,
    base: str | None = None,
    dtype: str = "auto",
    gguf: str | None = None,
    llama_cpp: Path | None = None,
    say: Say = print,
) -> None:
    """Writes base and adapter as one model into `out`, which must not be there yet; whole or not at all.

    `dtype` is that of the weights, `auto` what the base's files have; `gguf` also asks for a GGUF file of that type.
    Raises PPAIError where the adapter does not fit, the converter is not found, or the disk does not take it.
    """
    adapter = read_adapter(directory)
    if out.exists():
        raise PPAIError(f"--out: {out} is there already: name another")
    if dtype not in DTYPES:
        raise PPAIError(f"--dtype: {dtype!r} is none of {', '.join(DTYPES)}")
    converter = None
    if gguf is not None:
        if gguf not in GGUF_TYPES:
            raise PPAIError(f"--gguf: {gguf!r} is none of {', '.join(GGUF_TYPES)}")
        converter = find_converter(llama_cpp)
    staging = out.with_name(f".{out.name}.partial")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        with quiet(), memory_told("merging holds the base in float32 on the CPU, 4 bytes a weight"):
            _write(adapter, staging, base, dtype, say)
        if converter is not None:
            _convert(converter, staging, f"{out.name}-{gguf}.gguf", str(gguf))
        staging.replace(out)
    except OSError as error:
        raise PPAIError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    for file in sorted(out.iterdir()):
        if file.suffix in (".safetensors", ".gguf"):
            say(f"wrote {file} ({file.stat().st_size / 2**30:.2f} GiB)")


def find_converter(llama_cpp: Path | None) -> Path:
    """llama.cpp's converter: in the checkout that is named, or on the PATH.

    Raises PPAIError where it is not there.
    """
    if llama_cpp is not None:
        found = llama_cpp if llama_cpp.is_file() else llama_cpp / CONVERTER
        if not found.is_file():
            raise PPAIError(f"--llama-cpp: {llama_cpp} has no {CONVERTER}")
        return found
    on_path = shutil.which(CONVERTER)
    if on_path is None:
        raise PPAIError(f"--gguf needs {CONVERTER}: name a checkout of llama.cpp with --llama-cpp")
    return Path(on_path)


def _write(adapter: Adapter, folder: Path, base: str | None, dtype: str, say: Say) -> None:
    import torch
    from safetensors import SafetensorError

    model, tokenizer = load_adapted(adapter, base=base, device="cpu", dtype=dtype)
    if warning := base_warning(adapter, base):
        say(warning)
    merged = model.merge_and_unload(safe_merge=True)
    kept = _dtype_of_files(adapter, base) if dtype == "auto" else getattr(torch, dtype)
    merged = merged.to(kept)
    merged.config.dtype = kept
    # A base that was read from a quantized file is saved as what it was turned into.
    for place in (merged, merged.config):
        if getattr(place, "quantization_config", None) is not None:
            del place.quantization_config
    merged.hf_quantizer = None
    try:
        folder.mkdir(parents=True)
        merged.save_pretrained(str(folder))
        tokenizer.save_pretrained(str(folder))
    except SafetensorError as error:
        raise PPAIError(f"{folder.parent}: the model cannot be written: {str(error).strip()}") from error


def _dtype_of_files(adapter: Adapter, base: str | None) -> Any:
    """What the base's configuration says; float16 where the base is GGUF, whose own types safetensors lacks."""
    import torch
    from transformers import AutoConfig

    from finetune.model import PACKAGED

    name = base or adapter.base
    if name == PACKAGED or name.endswith(".gguf"):
        return torch.float16
    config = AutoConfig.from_pretrained(name, revision=adapter.revision_of(name))
    return getattr(config, "dtype", None) or torch.float32


def _convert(converter: Path, folder: Path, name: str, kind: str) -> None:
    done = subprocess.run(
        [sys.executable, str(converter), str(folder), "--outfile", str(folder / name), "--outtype", kind],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not (folder / name).is_file():
        reason = (done.stderr.strip().splitlines() or ["it wrote no file"])[-1]
        raise PPAIError(f"--gguf: {converter.name} failed: {reason}")
