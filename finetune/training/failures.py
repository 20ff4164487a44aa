"""Says in one line what stopped a run: memory that was too small, or a disk that is full."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finetune.recipe import Recipe
from ppai.errors import PPAIError

FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of the disk is used up",
    errno.EFBIG: "the file is too large for the system",
}
NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


@contextmanager
def told(recipe: Recipe, out: Path, config: Any) -> Iterator[None]:
    """Raises PPAIError instead of the errors of memory and disk; `config` is the SFTConfig of the run."""
    try:
        yield
    except PPAIError:
        raise
    except Exception as error:  # each library has its own for a disk that is full
        reason = disk_reason(error, out)
        if reason is not None:
            raise PPAIError(
                f"{out}: {reason}: nothing half-written was kept; make room, then run the same command to go on"
            ) from error
        if isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in NO_MEMORY):
            raise PPAIError(f"{recipe.name}: the memory is too small: {memory_advice(recipe, config)}") from error
        raise


def disk_reason(error: BaseException, out: Path) -> str | None:
    """Why nothing more can be written to `out`; None where the error is another."""
    chain: list[BaseException] = [error]
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    for one in chain:
        if isinstance(one, OSError) and one.errno in FULL:
            return FULL[one.errno]
        for code, words in FULL.items():
            if f"os error {code})" in str(one):  # as safetensors says it
                return words
        # torch's writer keeps no code
        if "PytorchStreamWriter" in str(one) or "unexpected pos" in str(one):
            return FULL[errno.ENOSPC] if shutil.disk_usage(out).free < 2**20 else "a file cannot be written"
    return None


def memory_advice(recipe: Recipe, config: Any) -> str:
    """What to lower, in the order in which it costs least."""
    advice = []
    speed, batch = recipe.speed, config.per_device_train_batch_size
    if speed is not None and speed.dequantized_layers:
        advice.append("speed.dequantized_layers to 0")
    if speed is not None and speed.tokens_per_batch is not None:
        advice.append(f"speed.tokens_per_batch (now {speed.tokens_per_batch})")
    elif batch > 1:
        steps = config.gradient_accumulation_steps
        advice.append(
            f"training.per_device_train_batch_size (now {batch}) and raise gradient_accumulation_steps (now {steps})"
        )
    if speed is None and not config.gradient_checkpointing:
        advice.append("or set training.gradient_checkpointing: true")
    if speed is not None and speed.recompute_layers != "all":
        advice.append("or set speed.recompute_layers: all")
    if recipe.quantization is None and recipe.base.dtype == "float32":
        advice.append("or set base.dtype: bfloat16")
    advice.append(f"or training.max_length (now {config.max_length})")
    return "lower " + ", ".join(advice).removeprefix("or ")
