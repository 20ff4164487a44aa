"""Decoder layers compiled one by one, with or without computing their activations again in the backward pass."""

from __future__ import annotations

from typing import Any


def compile_layer(layer: Any, *, recompute: bool) -> None:
    """Compiles `layer` in place. All layers of a model share one compiled region for each value of `recompute`.

    With `recompute` the checkpoint stands inside the region, so that the compiler computes again only what the
    gradients need (not the last projection, for one), and only the layer's input is kept.
    """
    import torch

    layer.gradient_checkpointing = False
    if not recompute:
        layer.compile(dynamic=False)
        return
    layer._compiled_call_impl = torch.compile(_recomputed(layer), dynamic=False)


def recompute_layer(layer: Any) -> None:
    """Lets `layer` compute its activations again in the backward pass, uncompiled."""
    layer.gradient_checkpointing = False
    layer._compiled_call_impl = _recomputed(layer)


def _recomputed(layer: Any) -> Any:
    from torch.utils.checkpoint import checkpoint

    def call(*args: Any, **kwargs: Any) -> Any:
        if not layer.training:
            return layer._call_impl(*args, **kwargs)
        return checkpoint(layer._call_impl, *args, use_reentrant=False, preserve_rng_state=False, **kwargs)

    return call
