"""Attention over packed sequences: torch's flash attention with variable lengths, each sequence attending to itself."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

NAME = "ppai_packed"
"""What transformers knows the function by, once `register` has run."""


def supported(device: Any) -> bool:
    """Whether torch has flash attention on this device: an NVIDIA GPU from Ampere on, or an AMD one."""
    import torch

    if device.type != "cuda":
        return False
    return bool(torch.version.hip) or torch.cuda.get_device_capability(device)[0] >= 8


FORWARD = "(Tensor query, Tensor key, Tensor value, Tensor starts, int longest, float scale) -> (Tensor, Tensor)"
BACKWARD = (
    "(Tensor grad, Tensor query, Tensor key, Tensor value, Tensor out, Tensor sums, Tensor starts, int longest, "
    "float scale) -> (Tensor, Tensor, Tensor)"
)


@cache
def operators() -> Any:
    """Registers `ppai::packed_attention` and its backward operator with torch once, and gives their namespace.

    They stand for torch's own `_flash_attention_forward` and `_backward`, which torch.compile would else take for
    random. Query (tokens, heads, size), key and value (tokens, key heads, size); `starts` are the sequences' first
    tokens and, last, the number of tokens, in int32; `longest` is an upper bound of a sequence.
    """
    import torch

    forward = torch.library.custom_op("ppai::packed_attention", _forward, mutates_args=(), schema=FORWARD)
    backward = torch.library.custom_op("ppai::packed_attention_backward", _backward, mutates_args=(), schema=BACKWARD)
    forward.register_fake(_forward_shapes)
    backward.register_fake(_backward_shapes)
    forward.register_autograd(_differentiate, setup_context=_keep)
    return torch.ops.ppai


def _forward(
    query: Tensor, key: Tensor, value: Tensor, starts: Tensor, longest: int, scale: float
) -> tuple[Tensor, Tensor]:
    import torch

    out, sums, *_ = torch.ops.aten._flash_attention_forward(
        query, key, value, starts, starts, longest, longest, 0.0, True, False, scale=scale
    )
    return out, sums


def _forward_shapes(query: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    import torch

    return query.new_empty(query.shape), query.new_empty((query.shape[1], query.shape[0]), dtype=torch.float32)


def _backward(
    grad: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    out: Tensor,
    sums: Tensor,
    starts: Tensor,
    longest: int,
    scale: float,
) -> tuple[Tensor, ...]:
    import torch

    unused = torch.zeros(2, dtype=torch.uint64, device=query.device)  # the random state of dropout, which is 0
    ends = (starts, starts, longest, longest)
    grads = torch.ops.aten._flash_attention_backward(
        grad.contiguous(), query, key, value, out, sums, *ends, 0.0, True, unused, unused, scale=scale
    )
    return tuple(each.contiguous() for each in grads)


def _backward_shapes(grad: Tensor, query: Tensor, key: Tensor, value: Tensor, *_: Any) -> tuple[Tensor, ...]:
    return tuple(each.new_empty(each.shape) for each in (query, key, value))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    query, key, value, starts, ctx.longest, ctx.scale = inputs
    ctx.save_for_backward(query, key, value, output[0], output[1], starts)


def _differentiate(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Any, ...]:
    query, key, value, out, sums, starts = ctx.saved_tensors
    run = operators().packed_attention_backward
    return *run(grad, query, key, value, out, sums, starts, ctx.longest, ctx.scale), None, None, None


def register() -> str:
    """Makes the function known to transformers and gives its name, which goes into a model's configuration."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.masking_utils import sdpa_mask

    run = operators().packed_attention

    def attend(
        module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **kwargs: Any
    ) -> tuple[Tensor, None]:
        """(batch, heads, tokens, size) as everywhere in transformers; whatever is not packed goes to SDPA."""
        starts = kwargs.get("cu_seq_lens_q")
        if starts is None:
            return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
        scale = kwargs.get("scaling") or query.shape[-1] ** -0.5
        packed = (each.squeeze(0).transpose(0, 1) for each in (query, key, value))
        out, _ = run(*packed, starts, kwargs["max_length_q"], scale)
        return out.unsqueeze(0), None

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    return NAME


def pack_inputs(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A forward pre-hook of the decoder: where a batch is packed, no mask is made for it.

    An attention mask of four dimensions is handed on by transformers as it is, so an empty one saves making the
    (tokens x tokens) mask that packed positions would else get. The longest sequence is rounded up to a power of two,
    1,024 at least, and the number of sequences is left open, so that one compiled region serves every batch.
    """
    import torch

    starts = kwargs.get("cu_seq_lens_q")
    if starts is None:
        return args, kwargs
    torch._dynamo.maybe_mark_dynamic(starts, 0)
    longest = max(1024, 1 << (int(kwargs["max_length_q"]) - 1).bit_length())
    empty = torch.empty(1, 1, 0, 0, device=starts.device)
    unused = {"cu_seq_lens_k", "max_length_k", "seq_idx"}
    kept = {name: value for name, value in kwargs.items() if name not in unused}
    return args, kept | {"max_length_q": longest, "attention_mask": empty}
