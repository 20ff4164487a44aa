"""`ppai prompts`: makes the test posts that a study begins with, or checks a set of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ppai.errors import MissingPackage, PPAIError
from ppai.verbs.options import example

if TYPE_CHECKING:
    from pydantic import SecretStr
    from tqdm import tqdm

    from eval.prompt_writing.job import Job
    from eval.prompt_writing.writing import Asking

EPILOG = example(
    "ppai prompts --dry-run",
    "ppai prompts --topics topics.yaml --per-topic 5 --against train.jsonl --out my_study",
    "ppai prompts --check my_study/test_samples.jsonl --against train.jsonl",
)
BROKEN = INCOMPLETE = 1
"""Exit code where a set breaks a rule, and where posts are missing that the next run will ask for."""
INTERRUPTED = 130
PER_TOPIC = 5
MOST_PER_TOPIC = 1000
MOST_AT_ONCE = 256


def prompts(
    topics: Annotated[
        Path | None, typer.Option(help="YAML list of topics, or a text with one a line; default the study's twenty")
    ] = None,
    per_topic: Annotated[
        int | None,
        typer.Option("--per-topic", help="posts a topic; default 5; another number asks for every post anew"),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="a directory to begin a study in, or a file *test_samples.jsonl in one")
    ] = Path("test_prompts"),
    model: Annotated[str, typer.Option(help="that writes them")] = "gpt-4o",
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", help="of an OpenAI-compatible server; default OPENAI_BASE_URL, else OpenAI"),
    ] = None,
    temperature: Annotated[float, typer.Option(help="of sampling")] = 0.7,
    seed: Annotated[int, typer.Option(help="of what is drawn: children's ages, who asks, lengths")] = 42,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="JSON Lines that no post may repeat, such as the training data; may be given again"),
    ] = None,
    attempts: Annotated[int, typer.Option(help="how often a post is asked for before it is given up")] = 5,
    concurrency: Annotated[int, typer.Option(help="requests under way at once")] = 8,
    timeout: Annotated[float, typer.Option(help="seconds that one attempt of a request may take")] = 60.0,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", help="US dollars that this run may spend; it stops before they are")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="a YAML table of prices, over the one that is built in")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say how many requests, tokens and dollars; ask and change nothing")
    ] = False,
    check: Annotated[
        Path | None, typer.Option(help="check this set instead, and end with 1 if it breaks a rule")
    ] = None,
) -> None:
    """Make the test posts of a study with a model, each checked; what is paid for is never asked again."""
    from eval.pricing import read_prices
    from eval.prompt_writing.job import Job, Wanted
    from eval.prompt_writing.request import Sampling
    from eval.prompt_writing.topics import read_topics
    from ppai.settings import read_settings

    _check_numbers(per_topic, temperature, attempts, concurrency, timeout, max_cost)
    if check is not None:
        _check(check, topics, per_topic, against or [])
        return
    wanted_topics = read_topics() if topics is None else read_topics(topics)
    settings = read_settings()
    sampling = Sampling(model, temperature, seed, base_url or settings.openai_base_url)
    wanted = Wanted(out, wanted_topics, per_topic or PER_TOPIC, sampling, tuple(against or ()), attempts)
    job = Job(wanted, read_prices(prices))
    if max_cost is not None and job.costs.price is None:
        raise PPAIError(f"--max-cost: the price of {model} is not known; give one with --prices")
    if dry_run:
        _say_plan(job)
    else:
        _run(job, settings.openai_api_key, concurrency, timeout, max_cost)


def _run(job: Job, key: SecretStr | None, concurrency: int, timeout: float, max_cost: float | None) -> None:
    """Says the plan, asks, and writes the set. Raises JudgeStopped, and typer.Exit where posts are still missing."""
    import asyncio

    from eval.client import ModelClient
    from eval.prompt_writing.writing import SAYS_HOW, Unfinished

    sampling = job.wanted.sampling
    try:
        with job.held():
            _say_plan(job)
            if job.writing.missing():
                client = ModelClient(sampling.model, base_url=sampling.base_url, api_key=key, timeout=timeout)
                with _bar(job) as bar:
                    came = partial(_advance, bar, job)
                    asyncio.run(job.run(client, concurrency=concurrency, max_cost=max_cost, came=came))
            job.finish()
    except KeyboardInterrupt:
        typer.echo(f"stopped: {SAYS_HOW}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except Unfinished as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(INCOMPLETE) from None
    _say_end(job)


def _bar(job: Job) -> tqdm:
    try:
        from tqdm import tqdm
    except ImportError:
        raise MissingPackage("tqdm", "judge") from None
    total = len(job.writing.used) + len(job.writing.open_items)
    return tqdm(total=total, initial=total - len(job.writing.missing()), unit="reply", delay=0.5)


def _advance(bar: tqdm, job: Job, asking: Asking) -> None:
    """One more reply; every one that was refused is asked for again, so the total grows."""
    bar.total = len(job.writing.used) + len(job.writing.open_items)
    bar.set_postfix_str(f"{job.writing.selection.refused} refused, {asking.tally.cost_said()}", refresh=False)
    bar.update()


def _say_plan(job: Job) -> None:
    from eval.judging.tally import dollars

    requests, usage = job.estimate()
    cost = (
        "a cost that is not known (--prices gives one)"
        if usage.cost_usd is None
        else f"about {dollars(usage.cost_usd)}"
    )
    posts, topics = _counted(len(job.writing.items), "post"), _counted(len(job.wanted.topics), "topic")
    typer.echo(
        f"{posts} on {topics}, {len(job.writing.selection.posts):,} made already; "
        f"{_counted(requests, 'request')} and one more for each reply that cannot be used; "
        f"about {usage.input_tokens:,} tokens in and {usage.output_tokens:,} out, {cost}"
    )
    if job.wanted.against:
        typer.echo(f"no post may repeat one of {_counted(job.compared_with, 'text')}")


def _say_end(job: Job) -> None:
    from eval.judging.tally import dollars

    record = job.record()
    cost = "cost unknown" if record["cost_usd"] is None else dollars(record["cost_usd"])
    typer.echo(
        f"{_counted(record['posts'], 'post')} from {record['requests']:,} replies, {record['refused']:,} refused; "
        f"{record['input_tokens']:,} tokens in, {record['output_tokens']:,} out, {cost}"
    )
    typer.echo(f"wrote {job.target}")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _check(path: Path, topics: Path | None, per_topic: int | None, against: list[Path]) -> None:
    from eval.prompt_writing.existing import check_set
    from eval.prompt_writing.topics import read_topics
    from eval.prompt_writing.training import TrainingTexts

    wanted = None if topics is None else read_topics(topics)
    found = check_set(path, topics=wanted, per_topic=per_topic, against=TrainingTexts(against))
    typer.echo("\n".join(found.lines()))
    if found.broken:
        raise typer.Exit(BROKEN)


def _check_numbers(
    per_topic: int | None, temperature: float, attempts: int, concurrency: int, timeout: float, max_cost: float | None
) -> None:
    for name, fits, wanted in (
        ("per-topic", per_topic is None or 1 <= per_topic <= MOST_PER_TOPIC, f"1 to {MOST_PER_TOPIC}"),
        ("temperature", 0 <= temperature <= 2, "0 to 2"),
        ("attempts", attempts >= 1, "at least 1"),
        ("concurrency", 1 <= concurrency <= MOST_AT_ONCE, f"1 to {MOST_AT_ONCE}"),
        ("timeout", 0 < timeout < float("inf"), "above 0"),
        ("max-cost", max_cost is None or 0 <= max_cost < float("inf"), "at least 0"),
    ):
        if not fits:
            raise PPAIError(f"--{name} must be {wanted}")
