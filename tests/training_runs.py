"""Training runs on a small base: their recipes, and what they say and leave, in this process or in one of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conversations import write_conversations

from finetune.recipe import Recipe, recipe_of

ROOT = Path(__file__).parents[1]
TRAINING = {
    "max_length": 128,
    "learning_rate": 2e-3,
    "num_train_epochs": 2,
    "per_device_train_batch_size": 4,
    "gradient_checkpointing": False,
    "logging_steps": 1,
    "eval_steps": 3,
    "seed": 7,
}
LORA = {"r": 4, "lora_alpha": 8, "lora_dropout": 0.1, "target_modules": ["q_proj", "v_proj", "down_proj"]}


def recipes(base: Path, folder: Path) -> Callable[..., Recipe]:
    """A recipe on 24 conversations; whole sections by name, and single keys of `training`."""
    train = write_conversations(folder / "train.jsonl", 24)
    judged = write_conversations(folder / "judged.jsonl", 6, first=100)

    def made(sections: dict[str, Any] | None = None, **training: Any) -> Recipe:
        return recipe_of(
            "own.yaml",
            {
                "base": {"name": str(base), "dtype": "float32"},
                "data": {"train": str(train), "validation": str(judged)},
                "training": {key: value for key, value in {**TRAINING, **training}.items() if value is not None},
                "lora": LORA,
                **(sections or {}),
            },
        )

    return made


def trained(recipe: Recipe, out: Path) -> list[str]:
    """The lines that a run says."""
    from finetune.training.run import train

    said: list[str] = []
    train(recipe, out, say=said.append)
    return said


def summary(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "training_summary.json").read_text("utf-8"))
    return found


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    found: dict[str, Any] = load_file(folder / "adapter_model.safetensors")
    return found


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all((one[key] == other[key]).all() for key in one)


def command(recipe: Recipe, out: Path, *before: str) -> list[str]:
    file = out.with_suffix(".yaml")
    file.write_text(recipe.as_yaml(), encoding="utf-8")
    script = "import sys; sys.argv[0] = 'ppai'; from ppai.__main__ import main; " + "; ".join([*before, "main()"])
    return [sys.executable, "-c", script, "sft", "--recipe", str(file), "--out", str(out)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def ran(recipe: Recipe, out: Path, *before: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(recipe, out, *before),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
