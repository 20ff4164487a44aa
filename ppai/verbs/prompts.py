"""`ppai prompts`: makes the test posts that a study begins with, or checks a set of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ppai.verbs.asking import ask, check_asking, check_numbers, check_price, counted, estimated, taken
from ppai.verbs.options import example

if TYPE_CHECKING:
    from pydantic import SecretStr

    from eval.prompt_writing.job import Job

EPILOG = example(
    "ppai prompts --dry-run",
    "ppai prompts --topics topics.yaml --per-topic 5 --against train.jsonl --out my_study",
    "ppai prompts --check my_study/test_samples.jsonl --against train.jsonl",
)
BROKEN = INCOMPLETE = 1
"""Exit code where a set breaks a rule, and where posts are missing that the next run will ask for."""
PER_TOPIC = 5
MOST_PER_TOPIC = 1000


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
    from eval.asking.request import Sampling
    from eval.asking.topics import read_topics
    from eval.pricing import read_prices
    from eval.prompt_writing.job import Job, Wanted
    from ppai.settings import read_settings

    fits = per_topic is None or 1 <= per_topic <= MOST_PER_TOPIC
    numbers = [("per-topic", fits, f"1 to {MOST_PER_TOPIC}")]
    check_numbers(numbers + check_asking(temperature, attempts, concurrency, timeout, max_cost))
    if check is not None:
        _check(check, topics, per_topic, against or [])
        return
    wanted_topics = read_topics() if topics is None else read_topics(topics)
    settings = read_settings()
    sampling = Sampling(model, temperature, seed, base_url or settings.openai_base_url)
    wanted = Wanted(out, wanted_topics, per_topic or PER_TOPIC, sampling, tuple(against or ()), attempts)
    job = Job(wanted, read_prices(prices))
    check_price(job, max_cost)
    if dry_run:
        _say_plan(job)
    else:
        _run(job, settings.openai_api_key, concurrency, timeout, max_cost)


def _run(job: Job, key: SecretStr | None, concurrency: int, timeout: float, max_cost: float | None) -> None:
    """Says the plan, asks, and writes the set. Raises JudgeStopped, and typer.Exit where posts are still missing."""
    from eval.asking.asking import Unfinished

    try:
        with job.held():
            _say_plan(job)
            ask(job, key, concurrency, timeout, max_cost)
            job.finish()
    except Unfinished as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(INCOMPLETE) from None
    _say_end(job)


def _say_plan(job: Job) -> None:
    rounds = job.rounds
    posts, topics = counted(len(rounds.items), "post"), counted(len(job.wanted.topics), "topic")
    typer.echo(f"{posts} on {topics}, {len(rounds.selection.taken):,} made already; {estimated(job)}")
    if job.wanted.against:
        typer.echo(f"no post may repeat one of {counted(job.compared_with, 'text')}")


def _say_end(job: Job) -> None:
    record = job.record()
    posts = counted(record["posts"], "post")
    typer.echo(f"{posts} from {record['requests']:,} replies, {record['refused']:,} refused; {taken(record)}")
    typer.echo(f"wrote {job.target}")


def _check(path: Path, topics: Path | None, per_topic: int | None, against: list[Path]) -> None:
    from eval.asking.texts import TrainingTexts
    from eval.asking.topics import read_topics
    from eval.prompt_writing.existing import check_set

    wanted = None if topics is None else read_topics(topics)
    found = check_set(path, topics=wanted, per_topic=per_topic, against=TrainingTexts(against))
    typer.echo("\n".join(found.lines()))
    if found.broken:
        raise typer.Exit(BROKEN)
