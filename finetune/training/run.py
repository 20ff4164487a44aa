"""A whole training run: recipe and data in, a directory with the best adapter and its papers out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from finetune.hub import Repository
from finetune.recipe import Recipe
from finetune.training.arguments import lora_config, quantization_config, sft_config
from finetune.training.failures import told
from finetune.training.folder import FINISHED, PARTIAL, RunFolder
from finetune.training.making import check_layers, make_trainer
from finetune.training.meter import peak_memory
from finetune.training.prepared import Prepared, answer_tokens, prepare_data
from finetune.training.quiet import quiet
from finetune.training.summary import Run, card, loss_curve, markdown, points_of

Say = Callable[[str], None]


def check(recipe: Recipe, out: Path, *, say: Say = print) -> None:
    """Reads recipe and data as `train` does, and says what it would do. Raises PPAIError as `train` does."""
    with quiet():
        folder = RunFolder(out)
        config = sft_config(recipe, folder.checkpoints)
        lora = lora_config(recipe)
        quantization_config(recipe)
        prepared = prepare_data(recipe)
        folder.check(recipe, prepared.data)
        folder.check_free()
        check_layers(recipe, lora)
        say(f"recipe: {recipe.name}, base model {recipe.base.name}")
        say(prepared.told())
        kind = "" if config.packing else " sequences"
        say(f"a step is {_sequences(config, config.world_size)}{kind}; nothing was trained")


def train(
    recipe: Recipe, out: Path, *, log: str = "none", repository: Repository | None = None, say: Say = print
) -> Path:
    """Trains, or goes on with a run that was stopped, and returns the directory of the best adapter.

    `repository` is where it is uploaded in the end. Raises PPAIError where recipe, data or directory cannot be used,
    and where memory or disk do not suffice.
    """
    with quiet():
        folder = RunFolder(out)
        config = sft_config(recipe, folder.checkpoints, log=log)
        main = config.process_index == 0
        tell = say if main else _silent
        prepared = prepare_data(recipe)
        folder.check(recipe, prepared.data)
        if main:
            folder.check_free()
        if main and repository is not None:
            repository.open()  # now, as a wrong token is better told before hours of training
        if folder.finished:
            tell(f"{out}: this run is finished already")
        else:
            tell(prepared.told())
            _tell_idle(config, tell)
            _train(prepared, folder, config, tell)
        if main and repository is not None:
            tell(f"uploaded to {repository.upload(out)}")
    return out


def _train(prepared: Prepared, folder: RunFolder, config: Any, tell: Say) -> None:
    recipe = prepared.recipe
    with told(recipe, folder.out, config):
        trainer, fast = make_trainer(prepared, config, tell)
        main = trainer.accelerator.is_main_process
        with folder.held() if main else nullcontext():
            if main:
                folder.begin(recipe, prepared.data)
            trainer.accelerator.wait_for_everyone()
            last = folder.last_checkpoint()
            if last is not None:
                tell(f"going on from {last.name.replace('-', ' ')}")
            config.eval_on_start = last is None
            trainer.meter.watch.start()
            trainer.train(resume_from_checkpoint=None if last is None else str(last))
            run = _run(trainer, prepared, folder, fast, None if last is None else int(last.name.partition("-")[2]))
            _finish(trainer, run, folder)
    if run.no_better is not None:
        tell(f"{run.no_better}: lower training.learning_rate, or give it more or other data")
    tell(f"wrote {folder.out}: the adapter of step {run.best_step}, training_summary.md and loss_curve.html")


def _tell_idle(config: Any, tell: Say) -> None:
    import torch

    there = torch.cuda.device_count()
    if config.device.type == "cuda" and config.world_size == 1 and there > 1:
        tell(f"1 of {there} GPUs is used: `accelerate launch -m finetune.sft` with the same options uses all")


def _finish(trainer: Any, run: Run, folder: RunFolder) -> None:
    saved = folder.out / PARTIAL
    trainer.save_model(str(saved))
    if trainer.accelerator.is_main_process:
        (saved / "training_args.bin").unlink(missing_ok=True)
        texts = {
            "README.md": card(run),
            "training_summary.md": markdown(run),
            "loss_curve.html": loss_curve(run),
            "recipe.yaml": run.recipe.as_yaml(),
            FINISHED: run.as_json(),
        }
        folder.put(texts, saved)
    trainer.accelerator.wait_for_everyone()


def _run(
    trainer: Any, prepared: Prepared, folder: RunFolder, fast: dict[str, Any] | None, resumed_at: int | None
) -> Run:
    state, args = trainer.state, trainer.args
    learned, total = trainer.sizes
    return Run(
        recipe=prepared.recipe,
        title=folder.out.resolve().name,
        digest=prepared.data.digest,
        train=len(prepared.train),
        validation=len(prepared.validation),
        held_out=prepared.data.held_out,
        text_tokens=sum(len(one.input_ids) for one in prepared.train),
        answer_tokens=answer_tokens(prepared.train),
        trainable=learned,
        parameters=total,
        steps=state.global_step,
        planned_steps=state.max_steps,
        sequences_per_step=_sequences(args, trainer.accelerator.num_processes),
        points=points_of(state.log_history),
        losses=tuple((int(one["step"]), one["loss"]) for one in state.log_history if "loss" in one),
        best_step=state.best_global_step,
        figures=trainer.meter.whole(),
        peak_flops=trainer.meter.peak_flops,
        peak_memory=peak_memory(args.device),
        device=_device(args.device),
        processes=trainer.accelerator.num_processes,
        evaluation_batch=args.per_device_eval_batch_size,
        seeds={"run": args.seed, "order of the data": args.seed if args.data_seed is None else args.data_seed},
        resumed_at=resumed_at,
        fast=fast,
    )


def _sequences(args: Any, processes: int) -> str:
    rows = args.per_device_train_batch_size * args.gradient_accumulation_steps * processes
    if not args.packing:
        return str(rows)
    return f"{rows} row{'s' if rows > 1 else ''} of up to {args.max_length} packed tokens"


def _device(device: Any) -> str:
    import platform

    import torch

    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def _silent(_: str) -> None:
    """Of all processes of a run the first alone speaks."""
