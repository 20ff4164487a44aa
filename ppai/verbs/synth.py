"""`ppai synth`: makes pairs of a post and a fellow parent's reply with a model, to fine-tune another on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ppai.errors import PPAIError
from ppai.verbs.asking import ask, check_asking, check_numbers, check_price, counted, estimated, taken
from ppai.verbs.options import example

if TYPE_CHECKING:
    from pydantic import SecretStr

    from eval.synthesis.job import Job
    from eval.synthesis.plan import Limits

EPILOG = example(
    "ppai synth --n 300 --out pairs.jsonl --dry-run",
    "ppai synth --topics topics.yaml --n 300 --against train.jsonl --max-cost 2 --out pairs.jsonl",
    "ppai sft --data pairs.jsonl --out adapter",
)
INCOMPLETE = 1
"""Exit code where pairs are missing that the next run will ask for."""
MOST_PAIRS = 20_000
LONGEST = 400
"""Words that a post or a reply may be asked to have at most."""


def synth(
    out: Annotated[Path, typer.Option(help="the file of pairs, one a line (.jsonl); it must not stand yet")],
    n: Annotated[int, typer.Option("--n", help="pairs in all, spread evenly over the topics")] = 300,
    topics: Annotated[
        Path | None, typer.Option(help="YAML list of topics, or a text with one a line; default the study's twenty")
    ] = None,
    model: Annotated[str, typer.Option(help="that writes them")] = "gpt-4o",
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", help="of an OpenAI-compatible server; default OPENAI_BASE_URL, else OpenAI"),
    ] = None,
    temperature: Annotated[float, typer.Option(help="of sampling")] = 0.9,
    seed: Annotated[int, typer.Option(help="of what is drawn: ages, voices, lengths, and the split")] = 42,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="JSON Lines that no pair may repeat, beside the shipped test prompts; may be given again"),
    ] = None,
    post_words: Annotated[str, typer.Option("--post-words", help="fewest and most words of a post")] = "30-120",
    reply_words: Annotated[str, typer.Option("--reply-words", help="fewest and most words of a reply")] = "60-150",
    openings: Annotated[int, typer.Option(help="replies that may begin with the same three words")] = 4,
    topic_openings: Annotated[
        int, typer.Option("--topic-openings", help="replies of one topic that may begin with the same two words")
    ] = 1,
    validation: Annotated[float, typer.Option(help="share of the pairs that is marked for validation")] = 0.1,
    moderation: Annotated[
        bool, typer.Option("--moderation", help="have each pair looked at by the server's moderation endpoint too")
    ] = False,
    attempts: Annotated[int, typer.Option(help="how often a pair is asked for before it is given up")] = 5,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="write the pairs there are where some could not be used")
    ] = False,
    concurrency: Annotated[int, typer.Option(help="requests under way at once")] = 8,
    timeout: Annotated[float, typer.Option(help="seconds that one attempt of a request may take")] = 60.0,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", help="US dollars that this run may spend; it stops before they are")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="a YAML table of prices, over the one that is built in")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say how many requests, tokens and dollars; ask and change nothing")
    ] = False,
) -> None:
    """Make training pairs with a model, each checked; what is paid for is never asked again."""
    from eval.asking.request import Sampling
    from eval.asking.topics import read_topics
    from eval.pricing import read_prices
    from eval.synthesis.job import Job, Wanted
    from eval.synthesis.selection import Bounds
    from ppai.settings import read_settings

    numbers = [
        ("n", 1 <= n <= MOST_PAIRS, f"1 to {MOST_PAIRS}"),
        ("openings", openings >= 1, "at least 1"),
        ("topic-openings", topic_openings >= 1, "at least 1"),
        ("validation", 0 <= validation <= 0.5, "0 to 0.5"),
    ]
    check_numbers(numbers + check_asking(temperature, attempts, concurrency, timeout, max_cost))
    settings = read_settings()
    bounds = Bounds(_words("post-words", post_words), _words("reply-words", reply_words), openings, topic_openings)
    wanted = Wanted(
        out,
        read_topics() if topics is None else read_topics(topics),
        n,
        Sampling(model, temperature, seed, base_url or settings.openai_base_url),
        bounds,
        tuple(against or ()),
        attempts,
        validation,
        moderation,
        incomplete,
    )
    job = Job(wanted, read_prices(prices))
    check_price(job, max_cost)
    if dry_run:
        _say_plan(job)
    else:
        _run(job, settings.openai_api_key, concurrency, timeout, max_cost)


def _run(job: Job, key: SecretStr | None, concurrency: int, timeout: float, max_cost: float | None) -> None:
    """Says the plan, asks, and writes the set. Raises JudgeStopped, and typer.Exit where pairs are still missing."""
    from eval.asking.asking import Unfinished

    with job.held():
        _say_plan(job)
        try:
            ask(job, key, concurrency, timeout, max_cost)
            pairs = job.finish()
        except Unfinished as error:
            typer.echo("\n".join(job.funnel()))
            typer.echo(str(error), err=True)
            raise typer.Exit(INCOMPLETE) from None
        typer.echo("\n".join(job.funnel()))
        typer.echo(f"{taken(job.record())}; wrote {counted(pairs, 'pair')} to {job.target}")


def _say_plan(job: Job) -> None:
    rounds = job.rounds
    pairs, topics = counted(len(rounds.items), "pair"), counted(len(job.wanted.topics), "topic")
    typer.echo(f"{pairs} on {topics}, {len(rounds.selection.taken):,} made already; {estimated(job)}")
    typer.echo(f"no pair may repeat one of {counted(job.compared_with, 'text')}")
    if not job.shipped:
        typer.echo("the shipped test prompts are not beside this installation; name your study's with --against")


def _words(option: str, given: str) -> Limits:
    from eval.synthesis.plan import Limits

    match = re.fullmatch(r"\s*(\d{1,4})\s*-\s*(\d{1,4})\s*", given)
    if match is None or not 1 <= int(match[1]) <= int(match[2]) <= LONGEST:
        raise PPAIError(f"--{option} must be two numbers such as 60-150, 1 to {LONGEST}, not {given!r}")
    return Limits(int(match[1]), int(match[2]))
