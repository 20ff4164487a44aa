"""`ppai sft`: trains an adapter from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ppai.verbs.options import example

EPILOG = example(
    "ppai sft --data curated --out adapter",
    "ppai sft --recipe mistral_7b_qlora_fast --data train.jsonl --validation validation.jsonl --out adapter",
    "ppai sft --data train.jsonl --out adapter --set training.learning_rate=2e-4",
)

INTERRUPTED = 130


def sft(
    recipe: Annotated[str, typer.Option(help="a YAML file, or one that PPAI brings, by its name")] = "smollm2_135m",
    data: Annotated[
        str | None,
        typer.Option(help="JSON Lines or Parquet of messages, or of prompt and completion; or what ppai curate wrote"),
    ] = None,
    validation: Annotated[
        str | None, typer.Option(help="likewise; without it a tenth of the prompts of --data is held out")
    ] = None,
    out: Annotated[Path, typer.Option(help="directory of the adapter; a stopped run in it goes on")] = Path("adapter"),
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="stands above the recipe")
    ] = None,
    log: Annotated[str, typer.Option(help="none, tensorboard or trackio")] = "none",
    push_to_hub: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="upload the adapter when it is finished, as private")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="check recipe and data, and train nothing")] = False,
) -> None:
    """Fine-tune a model on conversations: QLoRA or LoRA, the best checkpoint by validation loss is kept."""
    from finetune.hub import Repository
    from finetune.recipe import read_recipe, with_data
    from finetune.training.run import check, train

    chosen = with_data(read_recipe(recipe, setting or ()), data, validation)
    if dry_run:
        check(chosen, out, say=typer.echo)
        return
    repository = None if push_to_hub is None else Repository(push_to_hub)
    try:
        train(chosen, out, log=log, repository=repository, say=typer.echo)
    except KeyboardInterrupt:
        typer.echo("stopped: the same command goes on from the last checkpoint", err=True)
        raise typer.Exit(INTERRUPTED) from None
