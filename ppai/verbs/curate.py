"""`ppai curate`: chat pairs for training, from the dump of a forum."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ppai.errors import MissingPackage, PPAIError
from ppai.verbs.options import example

if TYPE_CHECKING:
    from finetune.curation.run import Curated

EPILOG = example(
    "ppai curate --posts Parenting_submissions.zst --comments Parenting_comments.zst --out chats",
    "ppai curate --posts 'dump/*_submissions*' --comments 'dump/*_comments*' --recipe published --out chats",
)
STUDY = Path("data_to_share")
REST_SECONDS = 30.0
"""How often a log, which is no terminal, is told."""


def curate(
    context: typer.Context,
    posts: Annotated[
        list[str],
        typer.Option(
            help="dump of posts: JSON Lines, plain, zstd, gzip, xz or bzip2; a file or a quoted glob; repeatable"
        ),
    ],
    comments: Annotated[list[str], typer.Option(help="dump of comments, likewise")],
    out: Annotated[Path, typer.Option(help="directory to write; it also keeps stages, for the next run")],
    recipe: Annotated[
        str, typer.Option(help="a YAML file of options, or one of: default, published, counsel_chat")
    ] = "default",
    study: Annotated[
        Path | None, typer.Option(help="no post may repeat a test prompt of this study; default data_to_share")
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(help="of the base model: a folder or a hub id; none: no token rule"),
    ] = None,
    system: Annotated[str | None, typer.Option(help="what the system says in each conversation")] = None,
    self_posts: Annotated[bool | None, typer.Option(help="only posts that are texts of their own")] = None,
    question: Annotated[bool | None, typer.Option(help="only posts with a question mark")] = None,
    comments_above: Annotated[int | None, typer.Option(help="a post has more comments than this; default 2")] = None,
    exclude_flairs: Annotated[str | None, typer.Option(help="flairs left out, by commas")] = None,
    min_score: Annotated[int | None, typer.Option(help="of the answer; default 10")] = None,
    min_characters: Annotated[int | None, typer.Option(help="of the answer; default 55")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="a conversation has fewer than this; default 620")] = None,
    strip_links: Annotated[bool | None, typer.Option(help="take links out of answers")] = None,
    fold_spaces: Annotated[bool | None, typer.Option(help="make white space one space")] = None,
    bots: Annotated[str | None, typer.Option(help="authors left out, by commas")] = None,
    skip_moderators: Annotated[
        bool | None, typer.Option(help="no answers by moderators as such, nor stickied ones")
    ] = None,
    skip_askers: Annotated[bool | None, typer.Option(help="no answers by the post's author")] = None,
    unescape: Annotated[bool | None, typer.Option(help="put back signs written as HTML does")] = None,
    cut_edits: Annotated[bool | None, typer.Option(help='cut trailing "Edit:" and "TL;DR:" parts')] = None,
    replace_personal: Annotated[
        bool | None, typer.Option(help="replace user names, addresses, telephone numbers and links")
    ] = None,
    recheck: Annotated[
        bool | None, typer.Option(help="leave out what cleaning leaves without words or question mark")
    ] = None,
    near_duplicates: Annotated[
        float | None, typer.Option(help="similarity from which posts stay on one side of the split; 0: off; default .7")
    ] = None,
    near_tests: Annotated[
        float | None, typer.Option(help="share with a test prompt from which a post is left out; 0: off; default .25")
    ] = None,
    by_author: Annotated[bool | None, typer.Option(help="posts of one author stay on one side of the split")] = None,
    preference_share: Annotated[float | None, typer.Option(help="of posts, set aside; default .1")] = None,
    preference_margin: Annotated[int | None, typer.Option(help="of scores, for a preference; default 5")] = None,
    runners_up: Annotated[int | None, typer.Option(help="comments of a set-aside post, at most; default 3")] = None,
    train_share: Annotated[float | None, typer.Option(help="default .85")] = None,
    train_multiple: Annotated[int | None, typer.Option(help="the training set is a multiple of this; 2400")] = None,
    quick: Annotated[int | None, typer.Option(help="of the validation set, for quick checks; default 100")] = None,
    seed: Annotated[int | None, typer.Option(help="of the split; default 42")] = None,
    allow_bad: Annotated[
        float, typer.Option(min=0, max=1, help="share of bad lines in a file above which the run stops")
    ] = 0.01,
    engine: Annotated[str, typer.Option(help="duckdb, or pyspark://MASTER as in pyspark://local[2]")] = "duckdb",
    memory: Annotated[str, typer.Option(help="what DuckDB may hold before it writes to disk")] = "512MB",
    threads: Annotated[int | None, typer.Option(min=1, help="of DuckDB; default: one a core")] = None,
) -> None:
    """Make chat pairs from a Reddit dump: rules with a funnel, split by post, a data card; resumable."""
    if context.args:
        raise PPAIError(f"{context.args[0]}: what option is it of? A glob needs quotes, as in --posts 'RS_*'")
    overrides = {name: value for name, value in locals().items() if name not in _NO_OPTIONS}
    for name in ("exclude_flairs", "bots"):
        if overrides[name] is not None:
            overrides[name] = tuple(one.strip() for one in overrides[name].split(",") if one.strip())
    from finetune.curation.recipe import read_recipe
    from finetune.curation.run import Wanted
    from finetune.curation.run import curate as run

    chosen = read_recipe(recipe, overrides)
    wanted = Wanted(
        tuple(posts), tuple(comments), out, chosen, _tests(study), engine, memory, threads, allow_bad
    )  # fmt: skip
    typer.echo("\n".join(_said(run(wanted, _Terminal()), out)))


_NO_OPTIONS = ("posts", "comments", "out", "recipe", "study", "allow_bad", "engine", "memory", "threads", "context")
"""What belongs to no recipe."""


def _tests(study: Path | None) -> dict[str, str]:
    """The prompts of the study by id; without one named, those of the shipped study where it is here."""
    from ppai.studyfiles import read_study

    if study is None and not STUDY.is_dir():
        return {}
    return {prompt.id: prompt.text for prompt in read_study(study or STUDY).prompts}


def _said(curated: Curated, out: Path) -> list[str]:
    from finetune.curation.funnel import table

    said = table(curated.steps)
    if curated.bad_count:
        more = f", the first {len(curated.bad)}" if curated.bad_count > len(curated.bad) else ""
        said += [
            f"{curated.bad_count} bad line{'s were' if curated.bad_count > 1 else ' was'} skipped{more}:",
            *curated.bad,
        ]
    said += [f"note: {note}" for note in curated.notes]
    sizes = ", ".join(f"{name} {count:,}" for name, count in curated.sizes.items())
    return [*said, f"wrote {out}: {sizes}; data_card.html, funnel.json, recipe.yaml"]


class _Terminal:
    """Bars and notes on standard error."""

    def note(self, text: str) -> None:
        if sys.stderr.isatty():
            typer.echo(f"{text} ...", err=True)

    @contextmanager
    def bar(self, what: str, total: int, unit: str) -> Iterator[Callable[[int], object]]:
        try:
            from tqdm import tqdm
        except ImportError:
            raise MissingPackage("tqdm", "curate") from None
        terminal = sys.stderr.isatty()
        settings: dict[str, Any] = {"unit_scale": True} if unit == "B" else {}
        rest = 0.2 if terminal else REST_SECONDS
        with tqdm(
            total=total, desc=what, unit=unit, mininterval=rest, delay=0.5 if terminal else rest, **settings
        ) as bar:
            yield bar.update
