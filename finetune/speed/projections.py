"""A LoRA projection over a frozen weight, plain or NF4, as one operator: y = x W' + (x A') B'.

PEFT's own path dequantizes W, copies the result for safety, casts x for the adapter and adds in a pass of its own, and
autograd keeps what each of these needs. Here W is dequantized once in either direction, the adapter's product is added
by the matrix product itself, and only x and x A' are kept. torch.compile sees one opaque operator, so that it neither
keeps a dequantized weight for the backward pass nor takes the product apart.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ppai.errors import PPAIError

if TYPE_CHECKING:
    from torch import Tensor

SHARED = "Tensor weight, Tensor? absmax, int block, Tensor a, Tensor b"
FORWARD = f"(Tensor x, {SHARED}, bool keep) -> (Tensor, Tensor)"
BACKWARD = f"(Tensor grad, Tensor x, Tensor? inner, {SHARED}) -> (Tensor, Tensor, Tensor)"


@cache
def operators() -> Any:
    """Registers `ppai::lora_projection` and its backward operator with torch once, and gives their namespace.

    x (..., in), weight (out, in), or packed NF4 where `absmax` has the maximum of every `block` of its values, a (rank,
    in), b (out, rank), scaling included. The forward operator gives y (..., out) and, unless `keep` is false, x A'
    (rows, rank), which the backward pass computes again where it has none; that one gives the gradients of x, a and b.
    torch keeps compiled regions on the disk by the operators' names: a change of what is kept needs new names.
    """
    import torch

    forward = torch.library.custom_op("ppai::lora_projection", _forward, mutates_args=(), schema=FORWARD)
    backward = torch.library.custom_op("ppai::lora_projection_backward", _backward, mutates_args=(), schema=BACKWARD)
    forward.register_fake(_forward_shapes)
    backward.register_fake(_backward_shapes)
    forward.register_autograd(_differentiate, setup_context=_keep)
    return torch.ops.ppai


def _forward(
    x: Tensor, weight: Tensor, absmax: Tensor | None, block: int, a: Tensor, b: Tensor, keep: bool
) -> tuple[Tensor, Tensor]:
    rows = x.reshape(-1, a.shape[1])
    y = rows @ _dense(weight, absmax, block, (b.shape[0], a.shape[1]), x.dtype).t()
    inner = rows @ a.t()
    y.addmm_(inner, b.t())
    return y.view(*x.shape[:-1], b.shape[0]), inner if keep else inner.new_empty(0, a.shape[0])


def _forward_shapes(
    x: Tensor, weight: Tensor, absmax: Tensor | None, block: int, a: Tensor, b: Tensor, keep: bool
) -> tuple[Tensor, Tensor]:
    rows = x.numel() // x.shape[-1] if keep else 0
    return x.new_empty(*x.shape[:-1], b.shape[0]), x.new_empty(rows, a.shape[0])


def _backward(
    grad: Tensor,
    x: Tensor,
    inner: Tensor | None,
    weight: Tensor,
    absmax: Tensor | None,
    block: int,
    a: Tensor,
    b: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    rows, grads = x.reshape(-1, a.shape[1]), grad.reshape(-1, b.shape[0])
    inner = rows @ a.t() if inner is None else inner
    grad_x = grads @ _dense(weight, absmax, block, (b.shape[0], a.shape[1]), x.dtype)
    grad_inner = grads @ b
    grad_x.addmm_(grad_inner, a)
    return grad_x.view(x.shape), grad_inner.t() @ rows, grads.t() @ inner


def _backward_shapes(
    grad: Tensor, x: Tensor, inner: Any, weight: Tensor, absmax: Tensor | None, block: int, a: Tensor, b: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return x.new_empty(x.shape), a.new_empty(a.shape), b.new_empty(b.shape)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    x, weight, absmax, ctx.block, a, b, keep = inputs
    # Whatever of the output is kept would make a recomputed layer run its last projection again.
    ctx.save_for_backward(x, output[1] if keep else None, weight, absmax, a, b)


def _differentiate(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Any, ...]:
    x, inner, weight, absmax, a, b = ctx.saved_tensors
    run = operators().lora_projection_backward
    grad_x, grad_a, grad_b = run(grad, x, inner, weight, absmax, ctx.block, a, b)
    return grad_x, None, None, None, grad_a, grad_b, None


def _dense(weight: Tensor, absmax: Tensor | None, block: int, shape: tuple[int, int], dtype: Any) -> Tensor:
    """The weight of `shape` in `dtype`, dequantized where it has maxima."""
    import torch

    if absmax is None:
        return weight.to(dtype)
    return torch.ops.bitsandbytes.dequantize_4bit(weight, absmax, block, "nf4", shape, dtype)


def fuse(layer: Any, *, dequantized: bool = False, recompute: bool = False) -> int:
    """Turns every LoRA projection below `layer` into its fused counterpart in place; gives how many there are.

    The module keeps its name, its parameters and its place among PEFT's classes, so that saving, loading and merging
    the adapter work as before. The maxima of a doubly quantized weight are unpacked once. `dequantized` keeps the NF4
    weights' values beside them in the type they are computed in; `recompute` says that the layer's activations are
    computed again, so that no x A' is kept. Raises PPAIError at dropout, a bias or a variant of LoRA, and at several
    adapters.
    """
    classes, count = _classes(), 0
    for name, module in layer.named_modules():
        if type(module) not in classes:
            continue
        _check(name, module)
        weight, absmax, block = _stored(module.base_layer.weight)
        if dequantized and absmax is not None:
            shape = (module.out_features, module.in_features)
            weight, absmax = _dense(weight, absmax, block, shape, module.base_layer.compute_dtype), None
        # No buffers, which several GPUs would send one another at every step.
        module.fused_weight, module.fused_absmax = weight, absmax
        module.fused_block, module.fused_keeps = block, not recompute
        module.fused_adapters = list(module.active_adapters)
        module.__class__ = classes[type(module)]
        count += 1
    return count


def _stored(weight: Any) -> tuple[Tensor, Tensor | None, int]:
    """A frozen weight's tensor, and the maxima and the block size of its quantization, none where it is plain."""
    import torch

    tensor = weight.data.as_subclass(torch.Tensor)
    state = getattr(weight, "quant_state", None)
    if state is None:
        return tensor, None, 0
    if not state.nested:
        return tensor, state.absmax, state.blocksize
    from bitsandbytes.functional import dequantize_blockwise

    return tensor, dequantize_blockwise(state.absmax, state.state2) + state.offset, state.blocksize


def _check(name: str, module: Any) -> None:
    """Says plainly what the fused operator does not do."""
    adapters = list(module.active_adapters)
    if len(adapters) != 1 or len(module.lora_A) != 1:
        raise PPAIError(f"speed.fused_projections: {name} has {len(module.lora_A)} adapters instead of one")
    if getattr(module.lora_dropout[adapters[0]], "p", 0):
        raise PPAIError("speed.fused_projections needs lora_dropout: 0")
    if module.lora_variant or module.lora_bias.get(adapters[0]):
        raise PPAIError("speed.fused_projections needs plain LoRA: no use_dora, no lora_bias")
    state = getattr(module.base_layer.weight, "quant_state", None)
    if state is not None and state.quant_type != "nf4":
        raise PPAIError(f"speed.fused_projections needs bnb_4bit_quant_type: nf4, and {name} is {state.quant_type}")
    if getattr(module, "fan_in_fan_out", False):
        raise PPAIError(f"speed.fused_projections cannot run {name}, whose weight is stored transposed")


def _classes() -> dict[type, type]:
    """For each of PEFT's LoRA layers, plain or 4-bit, its fused counterpart."""
    from peft.tuners.lora.layer import Linear

    bases: list[type] = [Linear]
    try:
        from peft.tuners.lora.bnb import Linear4bit

        bases.append(Linear4bit)
    except ImportError:  # without bitsandbytes there are no such layers
        pass
    return {base: _fused(base) for base in bases}


@cache
def _fused(base: Any) -> type:
    run = operators().lora_projection

    def forward(self: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """PEFT's own forward pass where the adapter is off, merged or not the one that was fused."""
        if self.disable_adapters or self.merged or self.active_adapters != self.fused_adapters or args or kwargs:
            return base.forward(self, x, *args, **kwargs)
        name = self.fused_adapters[0]
        a = self.lora_A[name].weight.to(x.dtype)
        b = (self.lora_B[name].weight * self.scaling[name]).to(x.dtype)
        y, _ = run(x, self.fused_weight, self.fused_absmax, self.fused_block, a, b, self.fused_keeps)
        return y if self.base_layer.bias is None else y + self.base_layer.bias

    return type(f"Fused{base.__name__}", (base,), {"forward": forward, "__doc__": f"{base.__name__}, fused."})
