"""What a run does when it learns nothing: a loss that is no number, an adapter worse than its base, a wrong number."""

from __future__ import annotations

import json
import multiprocessing
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training_runs import LORA, ran, recipes, summary, trained

from finetune.recipe import Recipe, known_recipes, read_recipe
from finetune.training.data import Conversations, read_data
from finetune.training.folder import RUN, RunFolder
from ppai.errors import PPAIError

slow = pytest.mark.slow


@pytest.fixture
def recipe(small_base: Path, tmp_path: Path) -> Callable[..., Recipe]:
    return recipes(small_base, tmp_path)


@pytest.fixture
def unloaded(tmp_path: Path) -> Callable[..., Recipe]:
    """Recipes whose base is never loaded."""
    return recipes(tmp_path / "base", tmp_path)


def data_of(recipe: Recipe) -> Conversations:
    assert recipe.data.train is not None
    return read_data(recipe.data.train, recipe.data.validation, share=0.1, seed=0)


@slow
def test_a_run_that_diverges_is_one_line_and_keeps_its_best_adapter(
    recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    wild = recipe(learning_rate=1e38, warmup_steps=8, eval_steps=1)  # the first step's rate is 0
    done = ran(wild, out)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    found = re.search(r"the best adapter so far is (\S+), validation loss \d+\.\d+$", done.stderr)
    assert done.stderr.startswith("the ") and " is no finite number at step " in done.stderr
    assert "lower training.learning_rate (now 1e+38), with another --out; " in done.stderr
    assert found and (Path(found[1]) / "adapter_model.safetensors").is_file() and "nan" not in done.stdout
    assert not (out / "training_summary.json").exists()


@slow
def test_a_run_that_diverges_at_once_can_be_begun_anew_in_the_same_place(
    recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(PPAIError, match=r"at step \d: lower training\.learning_rate \(now 1e\+38\)$"):
        trained(recipe(learning_rate=1e38, lr_scheduler_type="constant", max_steps=3, num_train_epochs=None), out)
    trained(recipe(max_steps=3, num_train_epochs=None), out)
    assert summary(out)["recipe"]["training"]["learning_rate"] == 2e-3


@slow
def test_an_adapter_that_is_no_better_than_its_base_is_told(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = trained(recipe(learning_rate=0.5, lr_scheduler_type="constant", max_steps=3, num_train_epochs=None), out)
    found = summary(out)
    first, best = found["points"][0]["validation_loss"], found["points"][-1]["validation_loss"]
    assert best > first
    line = f"the adapter is no better than the base: validation loss {best:.4f} at best, {first:.4f} without it"
    assert any(one.startswith(line) for one in said)
    for name in ("training_summary.md", "README.md"):
        assert line in (out / name).read_text("utf-8")


def test_a_run_without_a_checkpoint_is_begun_anew_with_another_recipe(
    unloaded: Callable[..., Recipe], tmp_path: Path
) -> None:
    """So that what an error says to lower can be lowered."""
    folder, first, second = RunFolder(tmp_path / "out"), unloaded(), unloaded(per_device_train_batch_size=2)
    data = data_of(first)
    with folder.held():
        folder.begin(first, data)
    with folder.held():
        folder.begin(second, data)
    begun = json.loads((folder.out / RUN).read_text("utf-8"))
    assert begun["recipe"]["training"]["per_device_train_batch_size"] == 2
    (folder.checkpoints / "checkpoint-3").mkdir(parents=True)
    with pytest.raises(PPAIError, match=r"differs in training\.per_device_train_batch_size: name another$"):
        folder.check(first, data)


def _hold(out: Path, held: Any, done: Any) -> None:
    with RunFolder(out).held():
        held.set()
        done.wait(60)


def test_two_runs_are_kept_out_of_one_directory(tmp_path: Path) -> None:
    folder, processes = RunFolder(tmp_path / "out"), multiprocessing.get_context("spawn")
    folder.check_free()
    assert not folder.out.exists()
    held, done = processes.Event(), processes.Event()
    other = processes.Process(target=_hold, args=(folder.out, held, done))
    other.start()
    assert held.wait(60)
    with pytest.raises(PPAIError, match="another run is writing into"):
        folder.check_free()
    with pytest.raises(PPAIError, match="another run is writing into"), folder.held():
        pass
    other.kill()
    other.join()
    with folder.held():
        assert list(folder.out.iterdir()) == [folder.out / ".lock"]


@slow
@pytest.mark.parametrize(
    ("sections", "training", "told"),
    [
        ({}, {"per_device_train_batch_size": 0}, "training.per_device_train_batch_size: must be at least 1, not 0"),
        ({}, {"gradient_accumulation_steps": 0}, "training.gradient_accumulation_steps: must be at least 1, not 0"),
        ({}, {"num_train_epochs": 0}, "training.num_train_epochs: must be above 0, not 0"),
        ({}, {"learning_rate": -1}, "training.learning_rate: must be above 0, not -1"),
        ({}, {"max_steps": 0, "num_train_epochs": None}, "training.max_steps: must be above 0, or -1"),
        ({}, {"loss_type": "dft"}, "training.loss_type: 'dft' is another loss than the one in nats"),
        ({}, {"label_smoothing_factor": 0.1}, "training.label_smoothing_factor: the validation loss would be smoothed"),
        ({}, {"logging_nan_inf_filter": True}, "training.logging_nan_inf_filter: a loss that is no number ends"),
        ({"lora": {**LORA, "r": 0}}, {}, "lora.r: must be at least 1, not 0"),
        ({"lora": {**LORA, "lora_dropout": 2}}, {}, "lora.lora_dropout: must be at least 0 and below 1, not 2"),
        ({"lora": {**LORA, "target_modules": ["c_attn"]}}, {}, "Target modules {'c_attn'} not found"),
    ],
)
def test_a_trial_refuses_what_training_would(
    recipe: Callable[..., Recipe], tmp_path: Path, sections: dict[str, Any], training: dict[str, Any], told: str
) -> None:
    from finetune.training.run import check

    with pytest.raises(PPAIError) as refused:
        check(recipe(sections, **training), tmp_path / "out", say=lambda _: None)
    assert str(refused.value).startswith(f"own.yaml: {told}") and not (tmp_path / "out").exists()
    unknown = recipe({"base": {"name": recipe().base.name, "attention": "fast"}})
    with pytest.raises(PPAIError, match=r'cannot be loaded: .*attn_implementation="fast"'):
        check(unknown, tmp_path / "out", say=lambda _: None)


@slow
@pytest.mark.parametrize("name", known_recipes())
def test_a_recipe_that_ships_is_one_that_the_libraries_take(name: str, tmp_path: Path) -> None:
    from finetune.training.arguments import lora_config, quantization_config, sft_config

    settings = ["training.use_cpu=true"]
    if name == "llama_70b_qlora_fsdp":  # FSDP is made ready by accelerate launch alone
        settings += ["training.fsdp=", "training.fsdp_config="]
    recipe = read_recipe(name, settings)
    config = sft_config(recipe, tmp_path)
    assert config.learning_rate == recipe.training["learning_rate"]
    assert lora_config(recipe).r == recipe.lora["r"]
    assert (quantization_config(recipe) is None) == (recipe.quantization is None)
