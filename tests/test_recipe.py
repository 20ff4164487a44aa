"""Training recipes: what a file may say, what is refused and how, and the recipes that PPAI brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune.model import PACKAGED
from finetune.recipe import Recipe, known_recipes, read_recipe, with_data
from finetune.speed import Speed
from ppai.errors import PPAIError


def write(folder: Path, text: str) -> str:
    path = folder / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def refusal(folder: Path, text: str, *settings: str) -> str:
    with pytest.raises(PPAIError) as refused:
        read_recipe(write(folder, text), settings)
    line = str(refused.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize("name", known_recipes())
def test_every_recipe_is_read_and_stops_on_what_it_measures(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe.name == f"{name}.yaml" and recipe.lora["r"] > 0
    assert recipe.stopping.patience and recipe.training["eval_steps"] > 0
    assert read_recipe(f"{name}.yaml") == recipe


def test_the_default_needs_no_network_and_no_gpu() -> None:
    recipe = read_recipe()
    assert recipe.base.name == PACKAGED and recipe.quantization is None
    assert recipe.training["bf16"] is False and recipe.base.dtype == "float32"


def test_the_published_recipe_has_the_published_values() -> None:
    recipe = read_recipe("mistral_7b_qlora_published")
    training, lora = recipe.training, recipe.lora
    assert recipe.base.name == "mistralai/Mistral-7B-Instruct-v0.3"
    assert training["per_device_train_batch_size"] * training["gradient_accumulation_steps"] == 24
    assert (training["learning_rate"], training["lr_scheduler_type"], training["warmup_steps"]) == (
        1e-4,
        "cosine",
        0.03,
    )
    assert (training["optim"], training["num_train_epochs"], training["eval_steps"]) == ("paged_adamw_8bit", 2, 400)
    assert (lora["r"], lora["lora_alpha"], lora["lora_dropout"], len(lora["target_modules"])) == (16, 64, 0.05, 7)
    assert recipe.quantization and recipe.quantization["bnb_4bit_quant_type"] == "nf4"
    assert recipe.quantization["bnb_4bit_use_double_quant"] is True and recipe.speed is None


def test_numbers_with_an_exponent_are_numbers(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path, "training: {learning_rate: 1e-4, weight_decay: .5, eval_steps: 3}\n"))
    assert recipe.training == {"learning_rate": 1e-4, "weight_decay": 0.5, "eval_steps": 3}


def test_a_recipe_survives_being_written(tmp_path: Path) -> None:
    left_out = ["training.train_sampling_strategy=", "training.per_device_train_batch_size="]
    recipe = read_recipe(
        "smollm2_135m", ["speed.tokens_per_batch=512", "lora.lora_dropout=0", "stopping.patience=null", *left_out]
    )
    assert recipe.speed == Speed(tokens_per_batch=512) and recipe.stopping.patience is None
    again = read_recipe(write(tmp_path, recipe.as_yaml()))
    assert again.as_dict() == recipe.as_dict()


def test_a_setting_stands_above_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "training: {seed: 1, eval_steps: 5}\n")
    recipe = read_recipe(path, ["training.seed=2", "lora.target_modules=[q_proj]"])
    assert read_recipe(path, ["training.eval_steps="]).training == {"seed": 1}
    assert recipe.training == {"seed": 2, "eval_steps": 5} and recipe.lora == {"target_modules": ["q_proj"]}


def test_another_training_file_forgets_the_recipes_validation_file() -> None:
    recipe = with_data(Recipe("x"), "a.jsonl", "b.jsonl")
    assert (recipe.data.train, recipe.data.validation) == ("a.jsonl", "b.jsonl")
    assert with_data(recipe, "c.jsonl", None).data.validation is None
    assert with_data(recipe, None, "d.jsonl").data.train == "a.jsonl"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("traning: {}", "own.yaml: traning: no such key; did you mean 'training'?"),
        ("base: {nmae: x}", "own.yaml: base.nmae: no such key; did you mean 'name'?"),
        ("base: {name: 3}", "own.yaml: base.name: input should be a valid string, not 3"),
        ("base: {dtype: int8}", "own.yaml: base.dtype: 'int8' is none of auto, float32, bfloat16, float16"),
        ("stopping: {patience: 0}", "own.yaml: stopping.patience: must be above 0, or null"),
        ("stopping: {patience: soon}", "own.yaml: stopping.patience: input should be a valid integer, not 'soon'"),
        ("data: {validation_share: 1.5}", "own.yaml: data.validation_share: must be above 0 and below 1"),
        ("speed: {compiled: true}", "own.yaml: speed.compiled: no such key; did you mean 'compile'?"),
        ("speed: {tokens_per_batch: 100}", "own.yaml: speed.tokens_per_batch: 100 is no number of tokens"),
        ("training: [1]", "own.yaml: training: must be a mapping"),
        ("[1]", "own.yaml: must be a mapping of sections"),
        ("training: {seed: 1, seed: 2}", "own.yaml: line 1: the key 'seed' stands twice"),
        ("training: {", "own.yaml: is not YAML"),
    ],
)
def test_a_wrong_key_or_value_is_one_line(text: str, told: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, text).startswith(told)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("training: {bf16: true, fp16: true}", ("training.bf16", "training.fp16")),
        ("training: {max_steps: 5, num_train_epochs: 2}", ("training.max_steps", "training.num_train_epochs")),
        (
            "training: {packing: true, train_sampling_strategy: group_by_length}",
            ("training.packing", "training.train_sampling_strategy"),
        ),
        ("training: {packing: true}\nspeed: {tokens_per_batch: 512}", ("training.packing", "speed.tokens_per_batch")),
        ("training: {gradient_checkpointing: true}\nspeed: {}", ("training.gradient_checkpointing", "speed")),
        (
            "training: {train_sampling_strategy: group_by_length}\nspeed: {tokens_per_batch: 512}",
            ("training.train_sampling_strategy", "speed.tokens_per_batch"),
        ),
        (
            "training: {per_device_train_batch_size: 4}\nspeed: {tokens_per_batch: 512}",
            ("training.per_device_train_batch_size", "speed", "1"),
        ),
        ("training: {bf16: true}\nspeed: {fused_projections: true}", ("training.bf16", "speed", "False")),
        ("lora: {lora_dropout: .05}\nspeed: {}", ("lora.lora_dropout", "speed.fused_projections")),
        ("training: {torch_compile: true}\nspeed: {}", ("training.torch_compile", "speed.compile")),
        ("training: {eval_strategy: 'no'}", ("training.eval_strategy", "best checkpoint")),
        ("training: {eval_strategy: epoch, eval_steps: 4}", ("training.eval_strategy", "training.eval_steps")),
        (
            "base: {name: x/y}\nquantization: {load_in_4bit: true, load_in_8bit: true}",
            ("quantization.load_in_4bit", "quantization.load_in_8bit"),
        ),
        ("base: {name: x/y}\nquantization: {bnb_4bit_quant_type: nf5}", ("quantization.bnb_4bit_quant_type", "nf4")),
        ("quantization: {load_in_4bit: true}", ("quantization", "base.name", "GGUF")),
        ("lora: {target_modules: [q_proj, lm_head]}", ("lora.target_modules", "lm_head")),
    ],
)
def test_a_contradiction_names_both_keys(text: str, keys: tuple[str, ...], tmp_path: Path) -> None:
    line = refusal(tmp_path, text)
    assert line.startswith("own.yaml: ") and all(key in line for key in keys)


@pytest.mark.parametrize("setting", ["seed=1", "training.seed", "training.=1", "=1"])
def test_a_setting_of_another_form_is_refused(setting: str, tmp_path: Path) -> None:
    assert "is not of the form section.key=value" in refusal(tmp_path, "training: {}", setting)


def test_an_unknown_recipe_names_those_that_there_are() -> None:
    with pytest.raises(PPAIError, match=r"--recipe: 'nothing' is neither a file .* smollm2_135m"):
        read_recipe("nothing")
