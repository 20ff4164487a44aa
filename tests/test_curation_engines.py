"""The same rows, texts and funnel from DuckDB and from Spark, by the same expressions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forum_dump import ANSWER, Row, Silent, comment, post, wanted

from finetune.curation.run import curate

TEXTS = [
    "Plain words, nothing to do.",
    "See [this](https://a.org/b_(c)) or http://x.y/z?q=1, www.w.com",
    "Mail jo@x.co.uk, call (555) 123-4567, ask /u/some_one or example.com/a.",
    "Works.\n\n**EDIT 2:** typo",
    "So good! Edit: more",
    "Hi.\n\nEdit: thanks\n\nMy son is four and will not sleep. What would you do?\n\nUpdate: no\r\n\r\nEdit 2: yes\n",
    "Long enough for what follows it to go.\n\n*Edit*\n\nTL;DR\n\nnot me",
    "0170/1234567, 612 345 678, 555-123-4567 555-987-6543, 020 7946 0958 a.com b.com u/a\\_b\\_c @jo_x",
    "<https://x.y> ![gif](giphy|a) [a](u.org 't')",
    "a\u00a0b\u200b c \t\r\n d \u3000 e\u2028f",
    "&amp;nbsp;&lt;3 &gt; Ünïcödé 😀 ß İ",
    "it's $1.000 \\1 $1 \\n 'quoted' \"twice\" `x` %s {y}",
]


def hard_posts() -> tuple[list[Row], list[Row]]:
    """Posts and comments with whatever engines might take differently."""
    posts = [post(f"p{at}", title=f"Why {at}?", selftext=text) for at, text in enumerate(TEXTS)]
    posts += [post("gone", selftext=" [ Removed by Reddit ] "), post("flair", link_flair_text="Rant / Vent")]
    posts += [post("p0", score=99), post("Z9", author=None, num_comments=None, is_self=None)]
    comments = [comment(f"c{at}", f"p{at}", body=f"{ANSWER} {text}") for at, text in enumerate(TEXTS)]
    comments += [comment(key, "p1", created_utc=None, score=20) for key in ("b", "B", "_")]
    posts += [post("unseen", selftext="&amp;#x200B; 😀"), post("asked", title="a", selftext="b\n\nEdit: c?")]
    comments += [comment(f"to_{key}", key) for key in ("unseen", "asked")]
    comments += [comment("own", "p3", score=90, author="ASKER_p3"), comment("op", "p4", score=90, is_submitter=True)]
    comments += [
        comment("mod", "p5", score=90, distinguished="moderator"),
        comment("top", "p6", score=90, stickied=True),
    ]
    comments += [comment("n", "p2", score=None), comment("z", "Z9"), comment("z", "Z9"), comment("y", "gone")]
    comments += [comment(f"low{at}", f"p{at}", score=12, body=f"{ANSWER} low {text}") for at, text in enumerate(TEXTS)]
    return posts, comments


@pytest.fixture(scope="module")
def spark() -> Iterator[None]:
    if shutil.which("java") is None:
        pytest.skip("there is no Java")
    sql = pytest.importorskip("pyspark.sql", reason="pip install 'pyspark>=4.3,<4.4'")
    yield
    if session := sql.SparkSession.getActiveSession():
        session.stop()


def written(folder: Path) -> dict[str, Any]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".jsonl", ".parquet", ".json")}


@pytest.mark.slow
def test_both_engines_write_the_same(tmp_path: Path, spark: None) -> None:
    posts, comments = hard_posts()
    options = {"preference_share": 0.4, "train_multiple": 1, "min_characters": 20}
    for engine, out in (("duckdb", "one"), ("pyspark://local[2]", "two")):
        result = curate(wanted(tmp_path, posts, comments, engine=engine, out=out, **options), Silent())
        assert result.sizes["preference_pairs"] > 1 and result.sizes["train"] > 2
    assert written(tmp_path / "one") == written(tmp_path / "two")
    lines = [json.loads(line) for line in (tmp_path / "one" / "train.jsonl").open()]
    lines += [json.loads(line) for line in (tmp_path / "one" / "validation.jsonl").open()]
    assert {"p0", "Z9"} & {row["id"] for row in lines}


@pytest.mark.slow
def test_both_engines_agree_on_a_real_dump(counsel_chat: Path, tmp_path: Path, spark: None) -> None:
    from finetune.curation.recipe import read_recipe
    from finetune.curation.run import Wanted

    recipe = read_recipe("counsel_chat", {"tokenizer": "none"})
    files = ((str(counsel_chat / f"*_{kind}*"),) for kind in ("submissions", "comments"))
    posts, comments = files
    for engine, out in (("duckdb", "one"), ("pyspark://local[2]", "two")):
        curate(Wanted(posts, comments, tmp_path / out, recipe, {}, engine), Silent())
    assert written(tmp_path / "one") == written(tmp_path / "two")
