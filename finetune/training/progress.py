"""The lines that a run prints while it trains."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

Say = Callable[[str], None]


def duration(seconds: float) -> str:
    """In the two largest units: `45 s`, `12 min 5 s`, `3 h 20 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def step_line(logs: dict[str, float], step: int, steps: int, left: float) -> str:
    """One line of a training log; `left` are seconds."""
    parts = [f"step {step}/{steps}", f"loss {logs['loss']:.4f}"]
    if "tokens_per_second" in logs:
        parts += [f"{logs['tokens_per_second']:,.0f} tokens/s", f"MFU {logs['mfu']:.3f}"]
    return ", ".join([*parts, f"{duration(left)} left"])


@cache
def progress_class() -> type:
    """The callback's class, made where transformers is first needed."""
    import time

    from transformers import TrainerCallback

    class Progress(TrainerCallback):
        """Says each log in a line."""

        def __init__(self, say: Say) -> None:
            self._say = say
            self._begun = (0.0, 0)

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self._begun = (time.perf_counter(), state.global_step)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
            if not state.is_world_process_zero:
                return
            if "loss" in logs:
                begun, first = self._begun
                done = max(state.global_step - first, 1)
                left = (time.perf_counter() - begun) / done * (state.max_steps - state.global_step)
                self._say(step_line(logs, state.global_step, state.max_steps, left))
            elif "eval_loss" in logs:
                self._say(f"step {state.global_step}/{state.max_steps}, validation loss {logs['eval_loss']:.4f}")

    return Progress
