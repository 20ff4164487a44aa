"""Whole training runs on two layers of SmolLM2: what is saved, what is measured, and how a run goes on or fails."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conversations import ANSWERS, SYSTEM, row, write_conversations
from local_hub import serving_hub
from training_runs import LORA, command, environment, ran, recipes, same, summary, trained, weights

from finetune.recipe import Recipe
from ppai.errors import PPAIError

pytestmark = pytest.mark.slow


@pytest.fixture
def recipe(small_base: Path, tmp_path: Path) -> Callable[..., Recipe]:
    return recipes(small_base, tmp_path)


@pytest.fixture(scope="module", autouse=True)
def _few_threads() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


def test_a_run_learns_and_leaves_an_adapter_with_its_papers(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = trained(recipe(), out)
    found = summary(out)
    losses = [one["validation_loss"] for one in found["points"]]
    assert [one["step"] for one in found["points"]] == [0, 3, 6, 9, 12] and losses[-1] < losses[0] - 0.3
    assert found["best_step"] == found["points"][losses.index(min(losses))]["step"]
    assert same(weights(out), weights(out / "checkpoints" / f"checkpoint-{found['best_step']}"))
    assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == recipe().base.name
    text = (out / "training_summary.md").read_text("utf-8")
    for told in ("| 12 | ", found["digest"], "learning_rate: 0.002", "transformers", "run 7", "tokens a second"):
        assert told in text
    card = (out / "README.md").read_text("utf-8")
    assert card.startswith("---\nlibrary_name: peft\n") and found["digest"] in card and "| 12 | " in card
    curve = (out / "loss_curve.html").read_text("utf-8")
    assert "Plotly.newPlot" in curve and 'src="http' not in curve
    assert said[0].startswith("data: 24 conversations, ") and "trainable parameters: " in said[1]
    assert sum(line.endswith(" left") and "tokens/s" in line for line in said) == 12


def test_a_finished_adapter_is_uploaded_with_its_papers(
    recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finetune.hub import Repository
    from finetune.training.run import train

    said: list[str] = []
    with serving_hub(monkeypatch) as hub:
        short = recipe(num_train_epochs=1, eval_steps=3)
        train(short, tmp_path / "out", repository=Repository("ann/tuned"), say=said.append)
    papers = {"README.md", "training_summary.md", "training_summary.json", "loss_curve.html", "recipe.yaml"}
    assert {"adapter_model.safetensors", "adapter_config.json", *papers} <= hub.sent
    assert not any(path.startswith("checkpoints/") for path in hub.sent) and said[-1].startswith("uploaded to ")


def test_a_trained_model_ends_its_answers_by_itself(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    """The published run's answers never ended, as their end was masked with the padding."""
    from finetune.adapter import load_adapted, read_adapter
    from finetune.chat import ADAPTER, BASE, Answering, Chat, Ended

    learning = {"learning_rate": 1e-2, "num_train_epochs": 14, "eval_steps": 42, "per_device_train_batch_size": 8}
    trained(recipe({"stopping": {"patience": None}}, **learning), tmp_path / "out")
    model, tokenizer = load_adapted(read_adapter(tmp_path / "out"), device="cpu")
    chat = Chat(model, tokenizer, (BASE, ADAPTER), Answering(SYSTEM, max_new_tokens=60, temperature=0))
    base, adapted = (chat.answer(voice, row(3)["messages"][1]["content"]) for voice in chat.voices)
    assert adapted.ended is Ended.BY_ITSELF and adapted.text in ANSWERS and base.ended is Ended.AT_THE_LIMIT


def test_tokens_are_counted_without_padding(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    trained(recipe(eval_steps=50), tmp_path / "out")
    found = summary(tmp_path / "out")
    assert found["figures"]["tokens"] == 2 * found["text_tokens"]
    assert found["figures"]["mfu"] > 0 and found["peak_memory"] > 0.1
    rate = found["figures"]["tokens"] / found["figures"]["seconds"]
    assert found["figures"]["tokens_per_second"] == pytest.approx(rate)


def test_the_best_checkpoint_is_saved_and_a_run_that_gets_worse_stops(
    recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    """The published run kept its last epoch, which overfitted."""
    out = tmp_path / "out"
    bad = {"stopping": {"patience": 2}}
    trained(recipe(bad, learning_rate=0.3, lr_scheduler_type="constant", eval_steps=1, num_train_epochs=4), out)
    found = summary(out)
    losses = {one["step"]: one["validation_loss"] for one in found["points"] if one["step"]}
    assert found["steps"] == found["best_step"] + 2 < found["planned_steps"] == 24
    assert losses[found["best_step"]] == min(losses.values())
    kept = out / "checkpoints"
    assert same(weights(out), weights(kept / f"checkpoint-{found['best_step']}"))
    assert not same(weights(out), weights(kept / f"checkpoint-{found['steps']}"))
    assert "stopped early" in (out / "training_summary.md").read_text("utf-8")


def test_the_validation_loss_is_a_mean_over_tokens_whatever_the_batches(
    recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    from finetune.training.arguments import sft_config
    from finetune.training.making import make_trainer
    from finetune.training.prepared import prepare_data

    prepared = prepare_data(recipe())
    trainer, _ = make_trainer(prepared, sft_config(recipe(), tmp_path / "c"), print)
    found = []
    for size in (1, 4, 64):
        trainer.args.per_device_eval_batch_size = size
        trainer._eval_dataloaders = {}
        found.append(trainer.evaluate()["eval_loss"])
    total, tokens = 0.0, 0
    for one in prepared.validation:
        loss, count = loss_by_hand(trainer.model, one)
        total, tokens = total + loss, tokens + count
    assert found == pytest.approx([total / tokens] * 3, rel=1e-5)


def loss_by_hand(model: Any, example: Any) -> tuple[float, int]:
    import torch

    with torch.no_grad():
        model.eval()
        scores = model(input_ids=torch.tensor([example.input_ids])).logits[0, :-1].log_softmax(-1)
    labels = torch.tensor(example.labels[1:])
    answered = labels >= 0
    return -float(scores[answered, labels[answered]].sum()), int(answered.sum())


def test_evaluation_batches_are_halved_until_they_fit(
    recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from finetune.training.trainer import trainer_class

    whole = trainer_class().prediction_step  # type: ignore[attr-defined]

    def cramped(self: Any, model: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        if len(inputs["input_ids"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(self, model, inputs, *args, **options)

    trained(recipe(), tmp_path / "roomy")
    monkeypatch.setattr(trainer_class(), "prediction_step", cramped)
    trained(recipe(), tmp_path / "cramped")
    roomy, found = summary(tmp_path / "roomy"), summary(tmp_path / "cramped")
    assert (roomy["evaluation_batch"], found["evaluation_batch"]) == (64, 2)
    assert [one["validation_loss"] for one in found["points"]] == pytest.approx(
        [one["validation_loss"] for one in roomy["points"]], rel=1e-5
    )


def test_out_of_memory_says_what_to_lower(
    recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from finetune.training.trainer import trainer_class

    def cramped(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(trainer_class(), "training_step", cramped)
    with pytest.raises(PPAIError) as told:
        trained(recipe(), tmp_path / "out")
    line = str(told.value)
    assert "\n" not in line and line.startswith("own.yaml: the memory is too small: lower ")
    for key in ("per_device_train_batch_size (now 4)", "gradient_checkpointing: true", "max_length (now 128)"):
        assert key in line


def test_out_of_memory_in_an_evaluation_of_several_processes_names_its_batch(tmp_path: Path) -> None:
    """There it cannot be halved, as the others would wait."""
    from types import SimpleNamespace
    from typing import cast

    from finetune.training.failures import IN_EVALUATION, told

    config, error = SimpleNamespace(per_device_eval_batch_size=8), MemoryError()
    error.add_note(IN_EVALUATION)
    named = cast(Recipe, SimpleNamespace(name="own.yaml"))
    with (
        pytest.raises(PPAIError, match=r"lower training\.per_device_eval_batch_size \(now 8\)$"),
        told(named, tmp_path, config),
    ):
        raise error


def test_packed_rows_and_padded_batches_have_the_same_loss(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    trained(recipe(eval_steps=50), tmp_path / "padded")
    packed = {"speed": {"tokens_per_batch": 256, "compile": False}, "lora": {**LORA, "lora_dropout": 0}}
    trained(
        recipe(packed, eval_steps=50, per_device_train_batch_size=None, gradient_checkpointing=None),
        tmp_path / "packed",
    )
    found = [summary(tmp_path / name) for name in ("padded", "packed")]
    assert found[1]["points"][0]["validation_loss"] == pytest.approx(found[0]["points"][0]["validation_loss"], rel=1e-5)
    assert found[1]["figures"]["tokens"] == 2 * found[1]["text_tokens"]
    assert found[1]["points"][-1]["validation_loss"] < found[1]["points"][0]["validation_loss"]


def test_a_quantized_base_is_trained(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    quantized = {"quantization": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}}
    trained(recipe(quantized), tmp_path / "out")
    found = summary(tmp_path / "out")
    losses = [one["validation_loss"] for one in found["points"]]
    assert losses[-1] < losses[0] and all(math.isfinite(one) for one in losses)


def test_a_finished_run_is_left_as_it_is_and_another_recipe_refused(
    recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    trained(recipe(max_steps=2, num_train_epochs=None), out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert trained(recipe(max_steps=2, num_train_epochs=None), out) == [f"{out}: this run is finished already"]
    with pytest.raises(PPAIError, match=r"differs in lora\.r, training\.seed: name another$"):
        trained(recipe({"lora": {**LORA, "r": 8}}, max_steps=2, num_train_epochs=None, seed=8), out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").touch()
    with pytest.raises(PPAIError, match="is not empty, and holds no training run"):
        trained(recipe(), other)


@pytest.mark.parametrize(
    ("sections", "training", "told"),
    [
        ({}, {"lerning_rate": 1}, "own.yaml: training.lerning_rate: no such key; did you mean 'learning_rate'?"),
        ({}, {"learning_rate": "fast"}, "own.yaml: training.learning_rate: input should be a valid number"),
        ({}, {"output_dir": "x"}, "own.yaml: training.output_dir: say it on the command line: --out"),
        ({}, {"completion_only_loss": False}, "own.yaml: training.completion_only_loss: the loss is always on"),
        ({}, {"optim": "adam_9bit"}, "own.yaml: training: adam_9bit is not a valid OptimizerNames"),
        ({}, {"bf16": True}, "own.yaml: training.bf16: this machine has no GPU that does bfloat16"),
        ({"lora": {"rank": 4}}, {}, "own.yaml: lora.rank: no such key"),
        ({"lora": {"task_type": "SEQ_CLS"}}, {}, "own.yaml: lora.task_type: PPAI trains causal language models only"),
        ({"lora": {"target_modules": ["c_attn"]}}, {}, "own.yaml: Target modules {'c_attn'} not found"),
        ({"quantization": {"load_in_4bits": True}}, {}, "own.yaml: quantization.load_in_4bits: no such key"),
        ({}, {"max_length": 20}, "train.jsonl:1: "),
        ({"base": {"name": "./none"}}, {}, "model './none' cannot be loaded: there is no such folder or file"),
    ],
)
def test_what_cannot_be_trained_is_told_and_nothing_is_written(
    recipe: Callable[..., Recipe], tmp_path: Path, sections: dict[str, Any], training: dict[str, Any], told: str
) -> None:
    import torch

    if "bf16" in training and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(PPAIError) as refused:
        trained(recipe(sections, **training), tmp_path / "out")
    assert str(refused.value).startswith(told) and not (tmp_path / "out").exists()


# In processes of their own


ORDERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "random": ({}, {}),
    "by length": (
        {},
        {
            "train_sampling_strategy": "group_by_length",
            "per_device_train_batch_size": 2,
            "gradient_accumulation_steps": 2,
        },
    ),
    "packed": (
        {"speed": {"tokens_per_batch": 256, "compile": False}, "lora": {**LORA, "lora_dropout": 0}},
        {"per_device_train_batch_size": None, "gradient_checkpointing": None, "max_length": None},
    ),
}


def test_a_run_that_is_interrupted_says_how_to_go_on(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    process = subprocess.Popen(
        command(recipe(), tmp_path / "out"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    next(line for line in process.stdout if line.startswith("step "))
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=200)[1]
    assert process.returncode == 130 and "Traceback" not in said
    assert said.splitlines()[-1] == "stopped: the same command goes on from the last checkpoint"


@pytest.mark.parametrize("order", ORDERS)
def test_a_run_that_was_killed_goes_on_to_the_same_losses(
    recipe: Callable[..., Recipe], tmp_path: Path, order: str
) -> None:
    """Killed in the second of three epochs, so that the order of that and of the next must be found again."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    sections, training = ORDERS[order]
    chosen = recipe(sections, **{"num_train_epochs": 3, "eval_steps": 2, **training})
    process = subprocess.Popen(
        command(chosen, killed), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    steps = 0
    for line in process.stdout:
        if line.startswith("step ") and "validation" in line:
            at, steps = (int(one) for one in line.split(",")[0].removeprefix("step ").split("/"))
            if at > steps / 3 + 2:
                process.send_signal(signal.SIGKILL)
                break
    process.communicate()
    assert steps and not (killed / "training_summary.json").exists()
    done = ran(chosen, killed)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "going on from checkpoint " in done.stdout
    assert ran(chosen, whole).returncode == 0
    one, other = summary(whole), summary(killed)
    assert one["losses"] == other["losses"] and one["points"] == other["points"]
    assert steps / 3 < other["resumed_at"] < steps * 2 / 3
    assert same(weights(whole), weights(killed))


def test_a_disk_that_fills_is_one_line_and_leaves_no_torn_checkpoint(
    recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))"
    done = ran(recipe(), out, limit)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1 and "the file is too large for the system" in done.stderr
    assert not list((out / "checkpoints").glob("checkpoint-*")) and not (out / "adapter_model.safetensors").exists()
    done = ran(recipe(), out)
    assert done.returncode == 0 and summary(out)["resumed_at"] is None, done.stderr


LAUNCHERS = {
    "accelerate": (["accelerate.commands.launch", "--cpu", "--num_processes", "1"], 1),
    "two processes": (["torch.distributed.run", "--nproc-per-node", "2"], 2),
}


def launched(launcher: list[str], recipe: Recipe, out: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *launcher, "-m", "finetune.sft", *command(recipe, out)[4:]],
        env=environment(),
        cwd=out.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_launcher_starts_the_same_run(recipe: Callable[..., Recipe], tmp_path: Path, name: str) -> None:
    """What accelerate starts on several GPUs is what torch's launcher starts here, on the CPU."""
    out = tmp_path / "out"
    launcher, processes = LAUNCHERS[name]
    done = launched(launcher, recipe(max_steps=2, num_train_epochs=None, use_cpu=True), out)
    assert done.returncode == 0, done.stderr
    found = summary(out)
    assert found["processes"] == processes and found["sequences_per_step"] == str(4 * processes)
    assert done.stdout.count("step 2/2, loss") == 1, "one process speaks"


def test_the_validation_loss_is_the_same_on_several_processes(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    """Five conversations in batches of two: what fills the batches of two processes must not weigh."""
    judged = write_conversations(tmp_path / "five.jsonl", 5, first=200)
    data = {"data": {"train": str(tmp_path / "train.jsonl"), "validation": str(judged)}}
    chosen = recipe(data, max_steps=1, num_train_epochs=None, per_device_eval_batch_size=2, use_cpu=True)
    found = []
    for processes in (1, 2):
        out = tmp_path / f"out{processes}"
        launcher = ["torch.distributed.run", "--nproc-per-node", str(processes)]
        done = launched(launcher, chosen, out)
        assert done.returncode == 0, done.stderr
        assert summary(out)["processes"] == processes
        found.append(summary(out)["points"][0]["validation_loss"])
    assert found[1] == pytest.approx(found[0], rel=1e-6)
