"""Our settings, through the project's own trainer."""

from __future__ import annotations

import os
import random
import tempfile
from dataclasses import replace
from typing import Any

from benchmarks.qlora_cases.model import TARGETS, build_model, lora_config
from benchmarks.qlora_cases.stream import Clock, device, sample_lengths
from finetune.recipe import read_recipe
from finetune.speed import Speed, prepare_trainer

SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "fast": ("mistral_7b_qlora_fast", {}),
    "dequantized": ("mistral_7b_qlora_fast", {"dequantized_layers": "all"}),
    "lean": ("mistral_7b_qlora_lean", {}),
}
"""Each of our settings: the recipe whose optimizer and `speed:` section are taken, and what differs in that section."""


def run_ours(name: str, steps: int, warmup: int, tiny: bool) -> dict[str, Any]:
    """One of SETTINGS through TRL's trainer, the project's own class of it; on several GPUs one of its processes."""
    import torch
    from datasets import Dataset
    from trl import SFTConfig

    from finetune.training.trainer import trainer_class

    chosen, changes = SETTINGS[name]
    recipe = read_recipe(chosen)
    speed = replace(recipe.speed or Speed(), **(changes | ({"tokens_per_batch": 1024} if tiny else {})))
    place = device()
    gpus = int(os.environ.get("WORLD_SIZE", "1"))
    if place == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    clock = Clock(warmup)

    class TimedTrainer(trainer_class()):
        def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            clock.begin(self.state.global_step)
            clock.tokens += (inputs["input_ids"] != 0).sum()
            return super().training_step(model, inputs, *args, **kwargs)

    generator = random.Random(0)
    lengths = sample_lengths(gpus * (steps + warmup) * (speed.tokens_per_batch or 8192) // 300)
    rows = [{"input_ids": [generator.randrange(5, 32000) for _ in range(length)]} for length in lengths]
    dataset = Dataset.from_list([row | {"labels": row["input_ids"]} for row in rows])
    with tempfile.TemporaryDirectory() as folder:
        arguments = SFTConfig(
            output_dir=folder, max_steps=steps + warmup, learning_rate=1e-4, lr_scheduler_type="cosine",
            warmup_steps=1, optim=recipe.training["optim"], logging_steps=4, save_strategy="no", report_to="none",
            use_cpu=place == "cpu", disable_tqdm=True, shuffle_dataset=True, **speed.sft_arguments(),
        )  # fmt: skip
        trainer = TimedTrainer(
            build_model(place, tiny), args=arguments, train_dataset=dataset, processing_class=tokenizer(),
            peft_config=lora_config(TARGETS),
        )  # fmt: skip
        prepare_trainer(trainer, speed)
        trainer.train()
        clock.tokens = trainer.accelerator.reduce(clock.tokens, "sum")
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return clock.report(losses[-1] if losses else float(trainer.state.log_history[-1]["train_loss"]), gpus)


def tokenizer() -> Any:
    """A tokenizer that only names the padding and the end, as the stream is made of token numbers."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="<unk>")), pad_token="<pad>", bos_token="<s>",
        eos_token="</s>", unk_token="<unk>",
    )  # fmt: skip
