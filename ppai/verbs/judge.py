"""`ppai judge`: asks automated judges about a study's pairs, and stores their verdicts."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ppai.errors import PPAIError
from ppai.schema import Arm
from ppai.verbs.judge_choices import check_names, check_numbers, chosen_specs, listed, prompt_ids
from ppai.verbs.options import StudyName, example

if TYPE_CHECKING:
    from eval.judges.base import Judge
    from eval.judging.scan import Scan
    from eval.judging.tally import Tally
    from ppai.workplace import Workplace

EPILOG = example(
    "ppai judge data_to_share --dry-run",
    "ppai judge data_to_share --judge openai:gpt-4o --max-cost 5",
    "ppai judge DIR --judge openai:MODEL --base-url http://127.0.0.1:8000/v1",
    "ppai judge DIR --panel openai:gpt-4o,baseline:longest",
)
INCOMPLETE = 1
"""Exit code where something is still missing that the next run will ask."""
INTERRUPTED = 130
GOES_ON = "the same command asks what is missing"
BATCHES_GO_ON = "the batches go on, and the same command collects them and sends what is missing"


def judge(
    source: Annotated[str, typer.Argument(metavar="STUDY", help="a study directory or a store URL")],
    spec: Annotated[
        str | None,
        typer.Option("--judge", help="openai:MODEL, local:FOLDER_OR_MODEL, baseline:longest|shortest|first|random"),
    ] = None,
    panel: Annotated[str | None, typer.Option(help="several judges, by commas, instead of --judge")] = None,
    name: Annotated[str | None, typer.Option(help="what verdicts call the judge; default: as --judge names it")] = None,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", help="of an OpenAI-compatible server; default OPENAI_BASE_URL, else OpenAI"),
    ] = None,
    arm: Annotated[Arm, typer.Option(help="as_is, or plain: with the format of the responses flattened")] = Arm.AS_IS,
    samples: Annotated[int, typer.Option(help="how often each pair and order is asked")] = 1,
    order: Annotated[
        str,
        typer.Option(
            help="both; or one only, which the report marks: first as the study lists its systems, or swapped"
        ),
    ] = "both",
    criteria: Annotated[str | None, typer.Option(help="keys of the criteria to ask, by commas; default all")] = None,
    prompts: Annotated[
        str | None, typer.Option(help="ids of the prompts to judge, by commas, or @FILE with one a line; default all")
    ] = None,
    concurrency: Annotated[int, typer.Option(help="requests under way at once")] = 16,
    timeout: Annotated[float, typer.Option(help="seconds that one attempt of a request may take")] = 60.0,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", help="US dollars that this run may spend; it stops before they are")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="a YAML table of prices, over the one that is built in")] = None,
    prompt: Annotated[Path | None, typer.Option(help="a prompt of your own, with the places of eval/prompts")] = None,
    max_output_tokens: Annotated[
        int | None, typer.Option(help="of a reply; default 1000, more for models that reason before they answer")
    ] = None,
    retry_unscored: Annotated[
        bool, typer.Option("--retry-unscored", help="ask again what a reply left without an outcome")
    ] = False,
    replace_foreign: Annotated[
        bool, typer.Option("--replace-foreign", help="replace verdicts of this name that another program gave")
    ] = False,
    batch: Annotated[
        bool, typer.Option("--batch", help="through the Batch API, at half the price; run it again to collect")
    ] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="with --batch: submit, and do not wait")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say how many requests, tokens and dollars; ask and change nothing")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="write the verdicts of all the study's judges to this file; default the study's verdicts.jsonl"
        ),
    ] = None,
    study: StudyName = None,
    database: Annotated[
        str | None,
        typer.Option("--database", help="store URL; default PPAI_DATABASE_URL, else .ppai.db in the study's directory"),
    ] = None,
) -> None:
    """Ask judges about every pair, blinded and in both orders; what is finished is never asked again."""
    from eval.judges import open_judge
    from eval.judging.plan import Order, plan
    from eval.judging.study import Settings, ask_all, scans
    from eval.judging.tally import Tally
    from ppai.workplace import open_workplace

    if order not in list(Order):
        raise PPAIError(f"--order: {order!r} is not one of {', '.join(Order)}")
    if no_wait and not batch:
        raise PPAIError("--no-wait goes with --batch")
    check_numbers(timeout, max_output_tokens)
    settings = Settings(concurrency, max_cost, retry_unscored, replace_foreign)
    specs = chosen_specs(spec, panel, name, prompt)
    workplace = open_workplace(source, study, database=database)
    try:
        workplace.check_target(out)
        planned = plan(
            workplace.study,
            criteria=listed("--criteria", criteria),
            prompts=prompt_ids(prompts),
            order=Order(order),
            arm=arm,
            samples=samples,
        )
        judges = [
            open_judge(
                one,
                workplace.study.config,
                name=name,
                base_url=base_url,
                prompt=prompt,
                prices=prices,
                timeout=timeout,
                max_output_tokens=max_output_tokens,
            )
            for one in specs
        ]
        check_names(judges)
        found = scans(workplace, judges, planned, settings, estimate=dry_run)
        for one in found:
            if one.outdated:
                typer.echo(
                    f"{one.judge}: {one.outdated} verdicts on other texts, or by another prompt or model, "
                    "give way to new ones (--name keeps both)"
                )
        if dry_run:
            _say_estimate(judges, found, batch)
            return
        tally = Tally()
        if batch:
            from eval.batches import judge_in_batches

            asking = judge_in_batches(workplace, judges, planned, settings, tally, typer.echo, wait=not no_wait)
        else:
            asking = ask_all(workplace, judges, planned, found, settings, tally)
        _run(workplace, judges, asking, tally, out, batch)
    finally:
        workplace.close()


def _say_estimate(judges: Sequence[Judge], found: Sequence[Scan], batch: bool) -> None:
    from eval.judging.tally import dollars

    for one, scanned in zip(judges, found, strict=True):
        factor = getattr(getattr(one, "price", None), "batch_factor", 1.0) if batch else 1.0
        cost = f"about {dollars(scanned.cost_usd * factor)}"
        typer.echo(
            f"{scanned.judge}: {len(scanned.open):,} requests to make, {scanned.finished:,} of {scanned.total:,} "
            f"finished already; about {scanned.input_tokens:,} tokens in and {scanned.output_tokens:,} out, "
            f"{'a cost that is not known: --prices gives one' if scanned.unpriced else cost}"
        )


def _run(
    workplace: Workplace,
    judges: Sequence[Judge],
    asking: Coroutine[Any, Any, bool],
    tally: Tally,
    out: Path | None,
    batch: bool,
) -> None:
    """Asks, and whatever ends that, leaves the files with what was answered.

    Raises JudgeStopped and StoreError, and typer.Exit where something is still missing.
    """
    import asyncio

    from eval.judging.study import closing

    try:
        within = asyncio.run(closing(judges, asking))
    except KeyboardInterrupt:
        _say_end(workplace, judges, tally, out)
        typer.echo(f"stopped: {_goes_on(tally, batch)}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except PPAIError:
        if tally.stored:
            with suppress(PPAIError):
                workplace.write_verdicts(out)
        raise
    _say_end(workplace, judges, tally, out)
    goes_on = _goes_on(tally, batch)
    if useless := tally.all_useless():
        typer.echo(useless, err=True)
    if tally.failed:
        typer.echo(f"{tally.failed} requests failed, the last: {tally.last_failure}; {goes_on}", err=True)
    if not within:
        typer.echo(f"stopped before --max-cost is passed, {tally.left:,} are left: {goes_on}", err=True)
    elif tally.left and not tally.failed:
        typer.echo(f"{tally.left:,} are left: {goes_on}", err=True)
    if tally.left:
        raise typer.Exit(INCOMPLETE)


def _goes_on(tally: Tally, batch: bool) -> str:
    return BATCHES_GO_ON if batch and tally.in_batches else GOES_ON


def _say_end(workplace: Workplace, judges: Sequence[Judge], tally: Tally, out: Path | None) -> None:
    """The judges' verdicts in short, what this run took, and where the verdicts are."""
    from eval.judging.summary import lines

    verdicts = [verdict for one in judges for verdict in workplace.verdicts_of(one.name)]
    for line in lines(verdicts) if verdicts else ():
        typer.echo(line)
    typer.echo(tally.said())
    if verdicts:
        target = workplace.write_verdicts(out)
        typer.echo(f"verdicts: {target or 'in the store'}")
