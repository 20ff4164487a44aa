"""Says in one line what stopped a run: a loss that is no number, memory that was too small, or a full disk."""

from __future__ import annotations

import errno
import math
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
IN_EVALUATION = "in an evaluation"
"""The note of an error that an evaluation met, and no step of training."""
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
        if _of_memory(error):
            raise PPAIError(f"{recipe.name}: the memory is too small: {_advice(error, recipe, config)}") from error
        raise


@contextmanager
def memory_told(advice: str) -> Iterator[None]:
    """Raises PPAIError with the advice where the memory is too small."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if _of_memory(error):
            raise PPAIError(f"the memory is too small: {advice}") from error
        raise


def _of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in NO_MEMORY)


def check_finite(loss: float, what: str, trainer: Any) -> None:
    """Raises PPAIError, naming what to lower and the best checkpoint so far, where a loss is no finite number."""
    if math.isfinite(loss):
        return
    state, args = trainer.state, trainer.args
    if state.global_step == 0:
        raise PPAIError(
            f"the {what} of the base is no finite number, so that nothing can be learned: "
            "try base.dtype: float32, or another base"
        )
    line = (
        f"the {what} is no finite number at step {state.global_step}: lower training.learning_rate "
        f"(now {args.learning_rate:g})"
    )
    if state.best_global_step:
        best = f"{args.output_dir}/checkpoint-{state.best_global_step}"
        line += f", with another --out; the best adapter so far is {best}, validation loss {state.best_metric:.4f}"
    raise PPAIError(line)


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


def _advice(error: Exception, recipe: Recipe, config: Any) -> str:
    rows = config.per_device_eval_batch_size
    if IN_EVALUATION in getattr(error, "__notes__", ()) and rows > 1:
        return f"an evaluation did not fit: lower training.per_device_eval_batch_size (now {rows})"
    return memory_advice(recipe, config)


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
