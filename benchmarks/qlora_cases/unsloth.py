"""Unsloth in a plain loop: its own model, adapters, checkpointing and compiler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.qlora_cases.model import SHAPE, TARGETS
from benchmarks.qlora_cases.ours import tokenizer
from benchmarks.qlora_cases.stream import Clock, padded, plan_batches, sample_lengths

SETTINGS: dict[str, dict[str, Any]] = {
    "unsloth-default": {"micro_batch": 6, "checkpointing": "unsloth", "accumulate": 4},
    "unsloth-lean": {"tokens": 16384, "checkpointing": "unsloth", "accumulate": 1},
    "unsloth-fast": {"tokens": 8192, "checkpointing": False, "accumulate": 1},
}


def run_unsloth(name: str, steps: int, warmup: int, weights: Path) -> dict[str, Any]:
    """One of SETTINGS; a step of a setting with `micro_batch` is one micro-batch."""
    import bitsandbytes as bnb
    import torch
    from unsloth import FastLanguageModel

    chosen = SETTINGS[name]
    accumulate = int(chosen["accumulate"])
    plan = plan_batches(sample_lengths(4000), chosen.get("micro_batch"), chosen.get("tokens"))
    model, _ = FastLanguageModel.from_pretrained(
        str(weights), max_seq_length=1024, load_in_4bit=True, dtype=torch.bfloat16, fix_tokenizer=False,
        local_files_only=True,
    )  # fmt: skip
    model = FastLanguageModel.get_peft_model(
        model, r=16, lora_alpha=64, lora_dropout=0, target_modules=TARGETS, bias="none",
        use_gradient_checkpointing=chosen["checkpointing"], random_state=0,
    )  # fmt: skip
    model.train()
    optimizer = bnb.optim.AdamW8bit([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    clock = Clock(warmup)
    for step, batch in enumerate(plan[: steps + warmup]):
        clock.begin(step)
        ids, mask = padded(batch, "cuda")
        with torch.autocast("cuda", torch.bfloat16):
            loss = model(input_ids=ids, attention_mask=mask, labels=ids.masked_fill(mask == 0, -100)).loss
        loss.backward()
        if (step + 1) % accumulate == 0:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        clock.tokens += sum(batch)
    return clock.report(loss.item())


def write_weights(folder: Path) -> None:
    """Random weights on disk, which Unsloth loads and quantizes itself."""
    import torch
    from transformers import AutoModelForCausalLM, MistralConfig

    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = AutoModelForCausalLM.from_config(MistralConfig(**SHAPE), dtype=torch.bfloat16)
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
