"""What a run leaves to read: the summary, the loss curve, and the card of its adapter."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from finetune.model import HUB_ID, PACKAGED
from finetune.recipe import Recipe
from finetune.training.progress import duration
from ppai.settings import DATASET_ID

PACKAGES = ("ppai", "torch", "transformers", "trl", "peft", "accelerate", "datasets", "bitsandbytes")


@dataclass(frozen=True)
class Point:
    """An evaluation. `training_loss` is the mean of those logged since the one before, null at the start."""

    step: int
    training_loss: float | None
    validation_loss: float


@dataclass(frozen=True)
class Run:
    """Everything that is told of a finished run."""

    recipe: Recipe
    title: str
    digest: str
    """Of the data."""
    train: int
    validation: int
    held_out: bool
    text_tokens: int
    answer_tokens: int
    """Of the training set, once; the loss is on these."""
    trainable: int
    parameters: int
    steps: int
    planned_steps: int
    sequences_per_step: str
    points: tuple[Point, ...]
    losses: tuple[tuple[int, float], ...]
    """(step, training loss) as logged."""
    best_step: int | None
    figures: Mapping[str, float]
    """Of `Meter.whole`."""
    peak_flops: float
    peak_memory: float
    """GiB."""
    device: str
    processes: int
    evaluation_batch: int
    seeds: Mapping[str, int]
    resumed_at: int | None
    fast: Mapping[str, Any] | None
    """What `finetune.speed` did."""

    @property
    def best(self) -> Point | None:
        """The evaluation whose checkpoint was saved."""
        return next((one for one in self.points if one.step == self.best_step), None)

    @property
    def no_better(self) -> str | None:
        """Says so where no evaluation of the adapter was better than that of its base, before the first step."""
        best, first = self.best, next(iter(self.points), None)
        if best is None or first is None or first.step or best.validation_loss < first.validation_loss:
            return None
        return (
            f"the adapter is no better than the base: validation loss {best.validation_loss:.4f} at best, "
            f"{first.validation_loss:.4f} without it"
        )

    def as_json(self) -> str:
        values = {**asdict(self), "recipe": self.recipe.as_dict(), "versions": versions()}
        return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n"


def points_of(history: Sequence[Mapping[str, Any]]) -> tuple[Point, ...]:
    """The evaluations of a trainer's log history."""
    points: list[Point] = []
    since: list[float] = []
    for entry in history:
        if "loss" in entry:
            since.append(entry["loss"])
        elif "eval_loss" in entry:
            mean = sum(since) / len(since) if since else None
            points.append(Point(int(entry["step"]), mean, entry["eval_loss"]))
            since = []
    return tuple(points)


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def markdown(run: Run) -> str:
    """training_summary.md."""
    best, figures = run.best, run.figures
    share = run.trainable / run.parameters
    facts = [
        ("base model", _base(run.recipe)),
        ("trainable parameters", f"{run.trainable:,} of {run.parameters:,} ({share:.2%})"),
        ("training set", f"{run.train:,} conversations, {run.text_tokens:,} tokens, {run.answer_tokens:,} of answers"),
        ("validation set", f"{run.validation:,} conversations" + (", held out of it" if run.held_out else "")),
        ("data hash", f"`{run.digest}`"),
        ("steps", _steps(run)),
        ("sequences a step", run.sequences_per_step),
        ("saved", "" if best is None else f"step {best.step}: validation loss {best.validation_loss:.4f}"),
        ("perplexity of answers", "" if best is None else f"{math.exp(min(best.validation_loss, 50)):.2f}"),
        ("tokens a second", f"{figures['tokens_per_second']:,.0f}, padding not counted"),
        ("median of the logs", f"{figures['median_tokens_per_second']:,.0f} tokens a second"),
        ("MFU", f"{figures['mfu']:.3f} of {run.peak_flops / 1e12:,.2f} TFLOP/s, measured in large matrix products"),
        ("training time", duration(figures["seconds"]) + ", evaluations and saving left out"),
        ("peak memory", f"{run.peak_memory:.1f} GiB"),
        ("device", run.device + (f", {run.processes} processes" if run.processes > 1 else "")),
        ("evaluation batch", str(run.evaluation_batch)),
        ("seeds", ", ".join(f"{name} {value}" for name, value in run.seeds.items())),
    ]
    if run.no_better is not None:
        facts.append(("warning", f"**{run.no_better}**"))
    if run.resumed_at is not None:
        facts.append(("resumed", f"at step {run.resumed_at}; times and speeds are of what came after"))
    if run.fast:
        facts.append(("speed", ", ".join(f"{name} {value}" for name, value in run.fast.items())))
    rows = "".join(f"| {name} | {value} |\n" for name, value in facts if value)
    return (
        f"# Training summary: {run.title}\n\n| | |\n|---|---|\n{rows}\n## Losses\n\n{loss_table(run)}\n"
        f"The curve is in `loss_curve.html`.\n\n## Recipe\n\n```yaml\n{run.recipe.as_yaml()}```\n\n"
        "## Versions\n\n" + "".join(f"- {name} {value}\n" for name, value in versions().items())
    )


def loss_table(run: Run) -> str:
    rows = [
        f"| {one.step} | {'' if one.training_loss is None else f'{one.training_loss:.4f}'} | {one.validation_loss:.4f} "
        f"| {'saved' if one.step == run.best_step else ''} |\n"
        for one in run.points
    ]
    return "| step | training loss | validation loss | |\n|---|---|---|---|\n" + "".join(rows)


def loss_curve(run: Run) -> str:
    """loss_curve.html, one file that needs no network."""
    import plotly.graph_objects as go

    figure = go.Figure()
    steps, losses = zip(*run.losses, strict=True) if run.losses else ((), ())
    figure.add_scatter(x=steps, y=losses, name="training", mode="lines", line={"color": "#8aa4c8", "width": 1.5})
    figure.add_scatter(
        x=[one.step for one in run.points],
        y=[one.validation_loss for one in run.points],
        name="validation",
        mode="lines+markers",
        line={"color": "#b45309", "width": 2.5},
    )
    if run.best is not None:
        figure.add_scatter(
            x=[run.best.step],
            y=[run.best.validation_loss],
            name=f"saved: step {run.best.step}, {run.best.validation_loss:.4f}",
            mode="markers",
            marker={"color": "#b45309", "size": 14, "symbol": "circle-open", "line": {"width": 3}},
        )
    figure.update_layout(
        title={"text": f"Loss of {run.title}", "x": 0.02},
        xaxis_title="step",
        yaxis_title="loss per token of the answers (nats)",
        template="plotly_white",
        legend={"orientation": "h", "y": 1.08, "x": 0.02},
        margin={"l": 60, "r": 20, "t": 90, "b": 50},
    )
    page: str = figure.to_html(include_plotlyjs=True, full_html=True, config={"displaylogo": False, "responsive": True})
    return page


def card(run: Run) -> str:
    """README.md, the adapter's model card."""
    best = run.best
    base = HUB_ID if run.recipe.base.name == PACKAGED else run.recipe.base.name
    named = {"base_model": base} if DATASET_ID.fullmatch(base) else {}  # a path means nothing elsewhere
    head = {**named, "library_name": "peft", "pipeline_tag": "text-generation"}
    front = "".join(f"{key}: {value}\n" for key, value in head.items()) + "tags: [lora, sft, trl, ppai]\n"
    loss = f"{best.validation_loss:.4f}" if best else "not measured"
    warning = f"**Warning: {run.no_better}.**\n\n" if run.no_better else ""
    return f"""---
{front}---

# {run.title}

A LoRA adapter for `{_base(run.recipe)}`, trained with PPAI on {run.train:,} conversations (data hash `{run.digest}`),
with the loss on the answers only. Validation loss {loss} nats a token over {run.validation:,} conversations, at the
best of {len(run.points)} evaluations.

{warning}{loss_table(run)}
## Use

```
ppai chat DIRECTORY --both          # base and adapter side by side
ppai merge DIRECTORY --out merged   # weights of their own
```

## Limits

It may repeat the errors and prejudices of what it was trained on. Its answers are no advice of a professional. A low
validation loss says that it writes like its data, not that people prefer it: compare it with its base by blinded votes.

## Training

The recipe, versions and seeds are in `training_summary.md`, the curve in `loss_curve.html`.
"""


def _base(recipe: Recipe) -> str:
    return recipe.base.name + (f" at {recipe.base.revision}" if recipe.base.revision else "")


def _steps(run: Run) -> str:
    if run.steps >= run.planned_steps:
        return str(run.steps)
    return f"{run.steps} of {run.planned_steps}: stopped early, as the validation loss no longer fell"
