"""The published recipe in a plain loop."""

from __future__ import annotations

from typing import Any

from benchmarks.qlora_cases.model import TARGETS, build_model, lora_config
from benchmarks.qlora_cases.stream import Clock, device, padded, sample_lengths


def run_published(steps: int, warmup: int, tiny: bool, micro_batch: int = 6, accumulate: int = 4) -> dict[str, Any]:
    """The published recipe in a plain loop, LoRA on lm_head included, which TRL's trainer refuses."""
    import bitsandbytes as bnb
    import torch
    from peft import get_peft_model, prepare_model_for_kbit_training

    place = device()
    model = build_model(place, tiny)
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=True)
    model = get_peft_model(model, lora_config([*TARGETS, "lm_head"], dropout=0.05)).train()
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = bnb.optim.PagedAdamW8bit(trainable, lr=1e-4)
    lengths = sample_lengths((steps + warmup) * micro_batch)
    clock = Clock(warmup)
    for step in range(steps + warmup):
        clock.begin(step)
        batch = lengths[step * micro_batch : (step + 1) * micro_batch]
        ids, mask = padded(batch, place)
        with torch.autocast(place, torch.bfloat16):
            loss = model(input_ids=ids, attention_mask=mask, labels=ids.masked_fill(mask == 0, -100)).loss
        (loss / accumulate).backward()
        if (step + 1) % accumulate == 0:
            torch.nn.utils.clip_grad_norm_(trainable, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        clock.tokens += sum(batch)
    return clock.report(loss.item())
