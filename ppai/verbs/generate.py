"""`ppai generate`: has a study's systems write their responses to its prompts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ppai.errors import MissingPackage, PPAIError
from ppai.verbs.judge_choices import listed
from ppai.verbs.options import example

if TYPE_CHECKING:
    from tqdm import tqdm

    from eval.generating.endpoint import Asked, Asking
    from eval.generating.files import StudyFiles
    from eval.generating.job import Job
    from eval.generating.setup import Setup

EPILOG = example(
    "ppai generate data_to_share",
    "ppai generate DIR --system ft --model smollm2-135m-instruct --adapter adapter --add",
    "ppai generate DIR --system big --model MODEL --base-url http://127.0.0.1:8000/v1",
)
INCOMPLETE = 1
"""Exit code where responses are missing that the next run will make."""
INTERRUPTED = 130
GOES_ON = "the same command makes what is missing"
REST_SECONDS = 30.0
"""How often a log, which is no terminal, is told."""


def generate(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="a study directory, of either layout")],
    system: Annotated[
        str | None, typer.Option(help="ids, by commas; default all to which study.yaml gives a generation")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="folder, GGUF file, hub id, smollm2-135m-instruct, or the server's name for it")
    ] = None,
    adapter: Annotated[
        str | None, typer.Option(help="directory that ppai sft wrote, or hub id; none: without study.yaml's")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="of an OpenAI-compatible server; default: in this process")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="what the system says first: a file of eval/prompts, or a *.txt of the study")
    ] = None,
    max_new_tokens: Annotated[int | None, typer.Option("--max-new-tokens", help="of a response; default 150")] = None,
    temperature: Annotated[float | None, typer.Option(help="default 0.7; 0 takes the most probable token")] = None,
    top_p: Annotated[float | None, typer.Option("--top-p", help="nucleus of sampling; default 0.9")] = None,
    repetition_penalty: Annotated[
        float | None, typer.Option("--repetition-penalty", help="default 1.15; 1 for none")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="of all prompts, each has its own from it; default 42")] = None,
    load_in_4bit: Annotated[
        bool | None, typer.Option("--load-in-4bit/--no-load-in-4bit", help="NF4; default where CUDA is")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", min=1, help="responses written together; default by the machine")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="only the first prompts")] = None,
    ids: Annotated[str | None, typer.Option(help="ids of the prompts, by commas")] = None,
    again: Annotated[bool, typer.Option("--again", help="make all anew, also what another program made")] = False,
    add: Annotated[bool, typer.Option("--add", help="write the systems and their settings into study.yaml")] = False,
    concurrency: Annotated[int, typer.Option(help="requests under way at once, of a server")] = 8,
    timeout: Annotated[float, typer.Option(help="seconds that one attempt of a request may take")] = 120.0,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", help="US dollars that this run may spend; it stops before they are")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="a YAML table of prices, over the one that is built in")] = None,
) -> None:
    """Write the systems' responses; those that there are, of the same text and settings, are never made again."""
    from eval.generating.endpoint import Asking
    from eval.generating.files import open_files
    from eval.generating.job import Job
    from eval.generating.setup import choose, found_prompts
    from eval.judging.budget import Budget
    from eval.pricing import read_prices

    if max_cost is not None and not 0 <= max_cost < float("inf"):
        raise PPAIError(f"--max-cost must be a sum in US dollars, not {max_cost}")
    budget = None if max_cost is None else Budget(max_cost)
    asking = Asking(read_prices(prices), concurrency, timeout, budget)
    files = open_files(study)
    given = {
        "model": model,
        "adapter": _beside(adapter, study),
        "base_url": base_url,
        "prompt": prompt,
        "max_new_tokens": max_new_tokens,
        "temperature": temperature,
        "top_p": top_p,
        "repetition_penalty": repetition_penalty,
        "seed": seed,
        "load_in_4bit": load_in_4bit,
    }
    setups = choose(files.config, study, listed("--system", system), given)
    job = Job(files, setups, found_prompts(files.prompts, listed("--ids", ids), limit), again=again)
    if add:
        _check_addable(files, setups)
    _run(job, asking, batch_size)
    _say_study(files, job, add)
    if any(one.missing for one in job.systems):
        raise typer.Exit(INCOMPLETE)


def _beside(adapter: str | None, study: Path) -> str | None:
    """A directory that is named from here, as study.yaml names it: relative to the study's where it lies in there."""
    from eval.generating.setup import NO_ADAPTER

    if adapter is None or adapter == NO_ADAPTER or not Path(adapter).is_dir():
        return adapter
    place, root = Path(adapter).resolve(), study.resolve()
    return place.relative_to(root).as_posix() if place.is_relative_to(root) and place != root else str(place)


def _run(job: Job, asking: Asking, batch_size: int | None) -> None:
    """Says what is to be done, does it, and writes what is whole; a stop leaves what there is for the next run."""
    asked = None
    try:
        with job.held():
            for one in job.systems:
                typer.echo(one.said())
                if one.missing and (warning := _other_base(one.setup)):
                    typer.echo(warning, err=True)
            if any(one.missing for one in job.systems):
                try:
                    with _bar(job) as bar:
                        asked = job.run(asking, batch_size=batch_size, told=lambda: _advance(bar, job))
                finally:
                    _say_whole(job)
            else:
                _say_whole(job)
    except KeyboardInterrupt:
        typer.echo(f"stopped with {job.done:,} of {job.total:,} responses: {GOES_ON}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if asked is not None:
        _say_asked(asked, job)


def _other_base(setup: Setup) -> str | None:
    """What is to be said where the system's adapter was trained on another base than its model."""
    from eval.generating.engine import fetched
    from eval.generating.hushed import hushed
    from finetune.adapter import base_warning, read_adapter

    if setup.adapter is None:
        return None
    with hushed():
        return base_warning(read_adapter(fetched(setup.adapter)), setup.model)


def _say_whole(job: Job) -> None:
    """Writes the systems that are whole, also where another could not be written to its end."""
    for line in job.finish():
        typer.echo(line)


def _say_asked(asked: Asked, job: Job) -> None:
    tally = asked.tally
    if tally.stored:
        typer.echo(f"{tally.input_tokens:,} tokens in, {tally.output_tokens:,} out, {tally.cost_said()}")
    if asked.failed:
        typer.echo(f"{asked.failed:,} requests failed, the last: {asked.last_failure}; {GOES_ON}", err=True)
    elif asked.over_budget:
        typer.echo(f"stopped before --max-cost is passed, {job.total - job.done:,} are left: {GOES_ON}", err=True)


def _check_addable(files: StudyFiles, setups: Sequence[Setup]) -> None:
    """Raises PPAIError where study.yaml could not be told, before anything is asked or paid."""
    from eval.generating.adding import check_addable, is_listed

    new = [setup for setup in setups if not is_listed(files.config, setup)]
    if new:
        check_addable(files.directory, new, files.systems([setup.system for setup in new]))


def _say_study(files: StudyFiles, job: Job, add: bool) -> None:
    """Writes into study.yaml what it does not say yet, where that is wanted; else says what to write.

    A system of which responses are missing is not added: without them there could be no study of it.
    """
    from eval.generating.adding import add as add_all
    from eval.generating.adding import is_listed, lines

    new = [one for one in job.systems if not is_listed(files.config, one.setup)]
    whole = [one.setup for one in new if not one.missing]
    if not new:
        return
    if not add:
        typer.echo("study.yaml does not say so; --add writes it there, under systems:")
        for one in new:
            typer.echo(f"  {lines(files.config, one.setup)}")
        return
    if whole:
        systems = files.systems([setup.system for setup in whole])
        typer.echo(f"added to {add_all(files.directory, whole, systems)}")
    if left := [one.system for one in new if one.missing]:
        typer.echo(f"not added to study.yaml while responses are missing: {', '.join(left)}", err=True)


def _bar(job: Job) -> tqdm[Any]:
    try:
        from tqdm import tqdm
    except ImportError:
        raise MissingPackage("tqdm", "judge") from None
    terminal = sys.stderr.isatty()
    return tqdm(
        total=job.total,
        initial=job.done,
        unit="response",
        delay=0.5 if terminal else REST_SECONDS,
        mininterval=0.2 if terminal else REST_SECONDS,
        dynamic_ncols=terminal,
    )


def _advance(bar: tqdm[Any], job: Job) -> None:
    bar.update(job.done - bar.n)
