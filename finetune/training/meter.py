"""How fast a run is: tokens a second, the share of the device's arithmetic that they use, and its memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

GIB = 2**30


@dataclass
class Stopwatch:
    """Seconds of training alone: what stands in a `pause` is not counted."""

    _begun: float | None = None
    _counted: float = 0.0

    def start(self) -> None:
        self._begun = time.perf_counter()

    def seconds(self) -> float:
        return self._counted + (time.perf_counter() - self._begun if self._begun is not None else 0.0)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Does nothing where the watch does not run."""
        running = self._begun is not None
        if running:
            self._counted, self._begun = self.seconds(), None
        try:
            yield
        finally:
            if running:
                self.start()


@dataclass
class Meter:
    """Reads tokens and seconds at each log; a window lies between two of them."""

    flops_per_token: float
    peak_flops: float
    """Floating-point operations a second that the devices of all processes do in large matrix products."""
    watch: Stopwatch = field(default_factory=Stopwatch)
    windows: list[tuple[int, float]] = field(default_factory=list)
    """Tokens and seconds of each."""

    def read(self, tokens: int) -> dict[str, float]:
        """Closes the window; `tokens` are those of the run so far."""
        seconds = self.watch.seconds()
        before = [sum(column) for column in zip(*self.windows, strict=True)] or [0, 0.0]
        self.windows.append((tokens - int(before[0]), seconds - before[1]))
        return self.figures(*self.windows[-1])

    def figures(self, tokens: int, seconds: float) -> dict[str, float]:
        rate = tokens / seconds if seconds > 0 else 0.0
        return {"tokens_per_second": rate, "mfu": rate * self.flops_per_token / self.peak_flops}

    def whole(self) -> dict[str, float]:
        """The figures of all windows together, and the median window, which a compilation at the start leaves out."""
        tokens, seconds = (sum(column) for column in zip(*self.windows, strict=True)) if self.windows else (0, 0.0)
        rates = [count / took for count, took in self.windows if took > 0]
        return {
            "tokens": int(tokens),
            "seconds": seconds,
            **self.figures(int(tokens), seconds),
            "median_tokens_per_second": statistics.median(rates) if rates else 0.0,
        }


def trainable(model: Any) -> tuple[int, int]:
    """Parameters that are trained, and all: of 4-bit weights the numbers that they stand for."""
    learned, total = model.get_nb_trainable_parameters()
    return int(learned), int(total)


def flops_per_token(model: Any) -> float:
    """Floating-point operations that one token takes at least, attention left out.

    Twice the parameters of all matrix products forward and twice backward, as gradients flow through frozen weights,
    and twice again for those that are trained. Recomputation is not counted, as it is no part of the model.
    """
    frozen = trained = 0
    for module in model.modules():
        if not hasattr(module, "in_features") or not hasattr(module, "out_features") or hasattr(module, "base_layer"):
            continue
        size = module.in_features * module.out_features
        if module.weight.requires_grad:
            trained += size
        else:
            frozen += size
    return 4.0 * frozen + 6.0 * trained


def measured_peak(device: Any, dtype: Any, seconds: float = 0.3) -> float:
    """Floating-point operations a second in products of square matrices on `device`, the best of several."""
    import torch

    size = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    best, begun = float("inf"), time.perf_counter()
    a @ b
    while time.perf_counter() - begun < seconds:
        _wait(device)
        start = time.perf_counter()
        a @ b
        _wait(device)
        best = min(best, time.perf_counter() - start)
    return 2.0 * size**3 / best


def peak_memory(device: Any) -> float:
    """GiB that were held at most: on a GPU by torch, else by the process."""
    import torch

    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device) / GIB)
    import resource
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GIB


def _wait(device: Any) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
