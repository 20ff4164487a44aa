"""The stream of tokens, and the clock that every trainer is timed with."""

from __future__ import annotations

import math
import random
import time
from typing import Any

MATMUL_PARAMETERS = 7.11e9
PEAK_FLOPS = 790e12
SAMPLES = 38_400


def sample_lengths(count: int, seed: int = 0) -> list[int]:
    """Lengths in tokens like those of the published training set."""
    import numpy as np

    lengths = np.random.default_rng(seed).normal(352, 140, 3 * count).astype(int)
    return [int(length) for length in lengths[(lengths >= 75) & (lengths < 620)][:count]]


def padded(lengths: list[int], device: str) -> tuple[Any, Any]:
    """Random tokens and their mask, padded to the right to the longest, rounded up to 8."""
    import torch

    ids = torch.randint(5, 32000, (len(lengths), math.ceil(max(lengths) / 8) * 8), device=device)
    mask = torch.arange(ids.shape[1], device=device) < torch.tensor(lengths, device=device)[:, None]
    return ids, mask.long()


def plan_batches(lengths: list[int], micro_batch: Any, tokens: Any) -> list[list[int]]:
    """Batches of `micro_batch` rows in the given order, or length-sorted ones of `tokens` at most, shuffled."""
    if micro_batch:
        return [lengths[i : i + micro_batch] for i in range(0, len(lengths) - micro_batch, micro_batch)]
    plan: list[list[int]] = [[]]
    for length in sorted(lengths):
        if plan[-1] and (len(plan[-1]) + 1) * math.ceil(length / 8) * 8 > tokens:
            plan.append([])
        plan[-1].append(length)
    random.Random(0).shuffle(plan)
    return plan


class Clock:
    """Times the steps after the warm-up and puts a setting's figures together."""

    def __init__(self, warmup: int) -> None:
        self.warmup, self.tokens, self.start = warmup, 0, 0.0

    def begin(self, step: int) -> None:
        if step == self.warmup and not self.start:
            _synchronize()
            self.tokens, self.start = 0, time.perf_counter()

    def report(self, loss: float, gpus: int = 1) -> dict[str, Any]:
        """Of all GPUs together but `peak_gib`, which is of the first; `tokens` must hold what all of them did."""
        _synchronize()
        import torch

        cuda = torch.cuda.is_available()
        speed = int(self.tokens) / (time.perf_counter() - self.start)
        samples = speed / (sum(lengths := sample_lengths(4000)) / len(lengths))
        return {
            "device": torch.cuda.get_device_name() if cuda else "cpu",
            "gpus": gpus,
            "tokens_per_s": round(speed),
            "samples_per_s": round(samples, 2),
            "hours_38400": round(SAMPLES / samples / 3600, 2),
            "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if cuda else None,
            "mfu": round(4 * MATMUL_PARAMETERS * speed / PEAK_FLOPS / gpus, 3),
            "loss": round(loss, 3),
        }


def device() -> str:
    """`cuda` where there is a GPU."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _synchronize() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
