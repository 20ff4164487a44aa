"""What verbs share that make a set of texts with a model: the checks of their options, the plan, the bar, the run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import typer

from ppai.errors import MissingPackage, PPAIError

if TYPE_CHECKING:
    from pydantic import SecretStr
    from tqdm import tqdm

    from eval.asking.asking import Asking
    from eval.asking.job import Job

MOST_AT_ONCE = 256
INTERRUPTED = 130
"""Exit code after Ctrl-C."""


def ask(job: Job, key: SecretStr | None, concurrency: int, timeout: float, max_cost: float | None) -> None:
    """Asks for what a job lacks, within `job.held()`. Raises JudgeStopped, Unfinished, and typer.Exit after Ctrl-C."""
    import asyncio

    from eval.asking.asking import SAYS_HOW
    from eval.client import ModelClient

    if not job.rounds.missing():
        return
    sampling = job.sampling
    client = ModelClient(sampling.model, base_url=sampling.base_url, api_key=key, timeout=timeout)
    try:
        with _bar(job) as bar:
            came = partial(_advance, bar, job)
            asyncio.run(job.run(client, concurrency=concurrency, max_cost=max_cost, came=came))
    except KeyboardInterrupt:
        typer.echo(f"stopped: {SAYS_HOW}", err=True)
        raise typer.Exit(INTERRUPTED) from None


def estimated(job: Job) -> str:
    """How many requests are left, and what they will take."""
    from eval.judging.tally import dollars

    requests, usage = job.estimate()
    cost = "a cost that is not known (--prices gives one)"
    if usage.cost_usd is not None:
        cost = f"about {dollars(usage.cost_usd)}"
    return (
        f"{counted(requests, 'request')} and one more for each reply that cannot be used; "
        f"about {usage.input_tokens:,} tokens in and {usage.output_tokens:,} out, {cost}"
    )


def taken(record: dict[str, object]) -> str:
    """What a job took, in tokens and dollars, from its record."""
    from eval.judging.tally import dollars

    cost = record["cost_usd"]
    said = dollars(cost) if isinstance(cost, float | int) else "cost unknown"
    return f"{record['input_tokens']:,} tokens in, {record['output_tokens']:,} out, {said}"


def counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def check_asking(
    temperature: float, attempts: int, concurrency: int, timeout: float, max_cost: float | None
) -> list[tuple[str, bool, str]]:
    """The checks of options that every such verb has, for `check_numbers`."""
    return [
        ("temperature", 0 <= temperature <= 2, "0 to 2"),
        ("attempts", attempts >= 1, "at least 1"),
        ("concurrency", 1 <= concurrency <= MOST_AT_ONCE, f"1 to {MOST_AT_ONCE}"),
        ("timeout", 0 < timeout < float("inf"), "above 0"),
        ("max-cost", max_cost is None or 0 <= max_cost < float("inf"), "at least 0"),
    ]


def check_numbers(checks: list[tuple[str, bool, str]]) -> None:
    """Raises PPAIError for the first (option, whether it fits, what is wanted) that does not fit."""
    for name, fits, wanted in checks:
        if not fits:
            raise PPAIError(f"--{name} must be {wanted}")


def check_price(job: Job, max_cost: float | None) -> None:
    """Raises PPAIError where a limit is given and the price is not known."""
    if max_cost is not None and job.costs.price is None:
        raise PPAIError(f"--max-cost: the price of {job.sampling.model} is not known; give one with --prices")


def _bar(job: Job) -> tqdm:
    try:
        from tqdm import tqdm
    except ImportError:
        raise MissingPackage("tqdm", "judge") from None
    total = job.rounds.done
    return tqdm(total=total, initial=total - len(job.rounds.missing()), unit="reply", delay=0.5)


def _advance(bar: tqdm, job: Job, asking: Asking) -> None:
    """One more reply; every one that was refused is asked for again, so the total grows."""
    bar.total = max(bar.n + 1, job.rounds.done)
    bar.set_postfix_str(f"{job.rounds.selection.refused} refused, {asking.tally.cost_said()}", refresh=False)
    bar.update()
