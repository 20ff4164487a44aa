"""TRL's SFTTrainer with checkpoints that are whole or not there, and a validation loss that batches do not change."""

from __future__ import annotations

import os
import shutil
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

from finetune.training.batches import text_tokens
from finetune.training.evened import evened
from finetune.training.failures import IN_EVALUATION, check_finite
from finetune.training.meter import Meter
from finetune.training.order import EpochOrder, LengthGroupedOrder

PARTIAL = ".partial"


@cache
def trainer_class() -> type:
    """The class, made where TRL is first needed."""
    from transformers.trainer_utils import rotate_checkpoints
    from trl import SFTTrainer

    class AnswerTrainer(SFTTrainer):
        """Counts tokens without padding in `tokens_seen`, which each process adds its own to; `meter` reads them."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            import torch

            self.tokens_seen = torch.zeros((), dtype=torch.long, device=self.args.device)
            self.meter: Meter | None = None
            self._loss: Any = None
            self._staging: str | None = None

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            data = self.train_dataset if train_dataset is None else train_dataset
            args = self.args
            seed = args.seed if args.data_seed is None else args.data_seed
            if args.train_sampling_strategy == "random":
                return EpochOrder(len(data), seed, self._epochs_done)
            if args.train_sampling_strategy == "group_by_length":
                rows = args.train_batch_size * args.gradient_accumulation_steps
                lengths = [len(ids) for ids in data["input_ids"]]
                return LengthGroupedOrder(lengths, rows, seed, self._epochs_done)
            return super()._get_train_sampler(train_dataset)

        def _epochs_done(self) -> int:
            return int((self.state.epoch or 0) + 1e-6)

        def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
            """Several processes take as many batches each; what fills the last of them carries no loss."""
            data = self.eval_dataset if eval_dataset is None else eval_dataset
            processes = self.accelerator.num_processes
            rows = self.args.eval_batch_size * processes
            return super().get_eval_dataloader(evened(data, rows) if processes > 1 else eval_dataset)

        def training_step(self, model: Any, inputs: Any, *args: Any, **options: Any) -> Any:
            counted = text_tokens(inputs)
            loss = super().training_step(model, inputs, *args, **options)
            self.tokens_seen += counted.to(self.tokens_seen.device)
            return loss

        def prediction_step(self, model: Any, inputs: Any, *args: Any, **options: Any) -> Any:
            result = super().prediction_step(model, inputs, *args, **options)
            answered = (inputs["labels"][..., 1:] >= 0).sum().to(result[0].device)
            if answered:  # the mean over no tokens is no number
                self._loss[0] += result[0].double() * answered
            self._loss[1] += answered
            return result

        def evaluation_loop(self, *args: Any, metric_key_prefix: str = "eval", **options: Any) -> Any:
            """The loss is the mean over all tokens of answers, whatever batches they stood in."""
            import torch

            self._loss = torch.zeros(2, dtype=torch.double, device=self.args.device)
            output = super().evaluation_loop(*args, metric_key_prefix=metric_key_prefix, **options)
            total, tokens = self.accelerator.reduce(self._loss, "sum").tolist()
            loss = total / max(tokens, 1)
            check_finite(loss, "validation loss", self)
            output.metrics[f"{metric_key_prefix}_loss"] = loss
            return output

        def evaluate(self, *args: Any, **options: Any) -> dict[str, float]:
            """Evaluates in batches as large as fit: halved where the memory does not hold them."""
            import torch

            while True:
                try:
                    with self._paused(), self._own_randomness():
                        return dict(super().evaluate(*args, **options))
                except torch.OutOfMemoryError as error:
                    if self.args.per_device_eval_batch_size == 1 or self.accelerator.num_processes > 1:
                        error.add_note(IN_EVALUATION)
                        raise  # other processes would wait for this one for ever
                # Outside of the handler, whose traceback would hold the tensors of the batch that did not fit.
                self.args.per_device_eval_batch_size //= 2
                self._eval_dataloaders: dict[str, Any] = {}
                torch.cuda.empty_cache()

        def log(self, logs: dict[str, float], *args: Any, **options: Any) -> None:
            """Adds the figures of the meter to each log of a training loss, which must be a number."""
            if "loss" in logs:
                check_finite(logs["loss"], "training loss", self)
            if self.meter is not None and "loss" in logs:
                logs |= self.meter.read(int(self.accelerator.reduce(self.tokens_seen.clone(), "sum").item()))
            super().log(logs, *args, **options)

        def _paused(self) -> AbstractContextManager[None]:
            return self.meter.watch.pause() if self.meter is not None else nullcontext()

        def _own_randomness(self) -> AbstractContextManager[None]:
            """So that what training draws next, such as dropout, does not depend on evaluations and their batches."""
            from torch.random import fork_rng

            device = self.args.device
            return fork_rng([device] if device.type == "cuda" else [])

        def create_model_card(self, *args: Any, **options: Any) -> None:
            """PPAI writes its own, once, beside the adapter."""

        def _get_output_dir(self, trial: Any) -> str:
            return self._staging or str(super()._get_output_dir(trial))

        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            """Writes the checkpoint beside its place, and moves it there when it is whole."""
            with self._paused():
                self._save_whole(model, trial)

        def _save_whole(self, model: Any, trial: Any) -> None:
            place = Path(self.args.output_dir)
            staging = place / PARTIAL
            name = f"checkpoint-{self.state.global_step}"
            if self.args.should_save:
                shutil.rmtree(staging, ignore_errors=True)
            self.accelerator.wait_for_everyone()
            self._staging = str(staging)
            try:
                super()._save_checkpoint(model, trial)
            finally:
                self._staging = None
            self.accelerator.wait_for_everyone()
            if self.state.best_global_step:
                self.state.best_model_checkpoint = str(place / f"checkpoint-{self.state.best_global_step}")
            if self.args.should_save:
                self.state.save_to_json(str(staging / name / "trainer_state.json"))
                _put(staging / name, place / name)
                shutil.rmtree(staging, ignore_errors=True)
                rotate_checkpoints(
                    output_dir=str(place),
                    save_total_limit=self.args.save_total_limit,
                    best_model_checkpoint=self.state.best_model_checkpoint,
                )
            self.accelerator.wait_for_everyone()

        def _load_best_model(self) -> None:
            """From where the run lies now, though it may have been moved since the checkpoint was written."""
            place = Path(self.args.output_dir)
            self.state.best_model_checkpoint = str(place / f"checkpoint-{self.state.best_global_step}")
            super()._load_best_model()

    return AnswerTrainer


def _put(folder: Path, target: Path) -> None:
    """Moves a folder into place once its files are on the disk."""
    for file in [*folder.rglob("*"), folder]:
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    shutil.rmtree(target, ignore_errors=True)
    folder.replace(target)
