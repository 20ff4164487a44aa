"""Makes small dumps of a forum, and curates them as the tests want."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finetune.curation.recipe import Curation
from finetune.curation.run import Curated, Wanted, curate

ANSWER = "What worked for us was a fixed bedtime, a short story and a lot of patience every evening."

Row = dict[str, Any]


class Silent:
    """Reports nothing."""

    def note(self, text: str) -> None:
        pass

    @contextmanager
    def bar(self, what: str, total: int, unit: str) -> Iterator[Callable[[int], object]]:
        yield lambda _: None


def post(key: str, **changes: Any) -> Row:
    """A post that every rule keeps."""
    row: Row = {
        "id": key,
        "title": f"How do I get child {key} to sleep?",
        "selftext": f"Nothing I tried with {key} helped so far {key} and we are tired.",
        "author": f"asker_{key}",
        "subreddit": "Parenting",
        "link_flair_text": "Advice",
        "is_self": True,
        "stickied": False,
        "distinguished": None,
        "score": 12,
        "num_comments": 5,
        "created_utc": 1_500_000_000,
    }
    return {**row, **changes}


def comment(key: str, parent: str, **changes: Any) -> Row:
    """A comment that every rule keeps, on the post `parent`."""
    row: Row = {
        "id": key,
        "parent_id": f"t3_{parent}",
        "author": f"answerer_{key}",
        "body": f"{ANSWER} {key}",
        "score": 20,
        "created_utc": 1_500_000_100,
    }
    return {**row, **changes}


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def wanted(
    folder: Path,
    posts: Sequence[Row],
    comments: Sequence[Row],
    *,
    tests: Mapping[str, str] | None = None,
    engine: str = "duckdb",
    out: str = "out",
    **options: Any,
) -> Wanted:
    """No tokens are counted, and no posts set aside, unless the options say so."""
    of_posts = write_lines(folder / "posts.ndjson", posts)
    of_comments = write_lines(folder / "comments.ndjson", comments)
    recipe = Curation(**{"tokenizer": "none", "preference_share": 0, **options})
    return Wanted((str(of_posts),), (str(of_comments),), folder / out, recipe, tests or {}, engine)


def curated(folder: Path, posts: Sequence[Row], comments: Sequence[Row], **how: Any) -> Curated:
    return curate(wanted(folder, posts, comments, **how), Silent())


def rows_of(folder: Path, *names: str) -> dict[str, Row]:
    """What was written, by post."""
    lines = [line for name in names or ("train", "validation") for line in (folder / f"{name}.jsonl").open()]
    return {row["id"]: row for row in map(json.loads, lines)}


def funnel(result: Curated) -> dict[tuple[str, str], tuple[int, int]]:
    """(in, out) by name and unit."""
    return {(step.name, step.unit): (step.before, step.after) for step in result.steps}
