"""What makes training fast: the `speed:` section of a recipe, and what it does to a model with LoRA adapters.

    speed = Speed(tokens_per_batch=8192)
    trainer = SFTTrainer(model, args=SFTConfig(**{**own, **speed.sft_arguments()}), peft_config=lora, ...)
    prepare_trainer(trainer, speed)       # after TRL has put the adapters in and cast them, before trainer.train()

Sequences are packed into rows of a fixed number of tokens, each sequence attending to itself alone; a LoRA projection
over an NF4 weight is one operator that dequantizes once and adds the adapter in place; each decoder layer is compiled
as one region. Nothing here changes what is computed but the order of additions: the tests compare losses and gradients
with PEFT's own path.
"""

from finetune.speed.preparing import Prepared, prepare, prepare_trainer
from finetune.speed.settings import Speed

__all__ = ["Prepared", "Speed", "prepare", "prepare_trainer"]
