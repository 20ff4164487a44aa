"""The rules over posts, comments and pairs: what each leaves out, and what the funnel says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from forum_dump import Row, comment, curated, funnel, post, rows_of

from finetune.curation.recipe import BOTS, FLAIRS
from finetune.curation.rules import flair_pattern
from finetune.curation.run import Curated
from ppai.errors import PPAIError

OTHERS = [post(key) for key in "pqrs"]
"""So that no split is empty."""
DIVIDING = ("train_share", "validation", "quick")
ANSWERS = [comment(f"{key}1", key) for key in "pqrs"]


def left(folder: Path, posts: list[Row], comments: list[Row], **options: Any) -> dict[str, Row]:
    curated(folder, [*OTHERS, *posts], [*ANSWERS, *comments], **options)
    return {key: row for key, row in rows_of(folder / "out").items() if key not in "pqrs"}


BAD_POSTS: dict[str, list[Row]] = {
    "self_posts": [{"is_self": False}],
    "body": [{"selftext": text} for text in ("[deleted]", " [removed]\n", "[ Removed by Reddit ]", "  \n", None)],
    "stickied": [{"stickied": True}],
    "moderators": [{"distinguished": "moderator"}, {"distinguished": "admin"}],
    "question": [{"title": "Sleep", "selftext": "No question here"}, {"title": None}],
    "comments_above": [{"num_comments": 2}],
    "bots": [{"author": "automoderator"}],
}
GOOD_POSTS: list[Row] = [
    {"is_self": None},
    {"stickied": None, "distinguished": None},
    {"num_comments": None},
    {"num_comments": 3},
    {"title": None, "selftext": "Is this a question? Yes."},
    {"selftext": "[deleted] is what the button said, what now?"},
    {"author": None},
    {"link_flair_text": "Drama at daycare"},
    {"link_flair_text": "Updated advice"},
]
BAD_COMMENTS: dict[str, list[Row]] = {
    "answers": [{"parent_id": "t1_p1"}, {"parent_id": "t3_elsewhere"}],
    "comment_body": [{"body": "[removed]"}, {"body": "[deleted by user]"}, {"body": ""}],
    "bots": [{"author": "RemindMeBot"}],
    "skip_moderators": [{"distinguished": "moderator"}, {"distinguished": "admin"}, {"stickied": True}],
    "skip_askers": [{"is_submitter": True}, {"author": "ASKER_skip_askers1"}],
    "min_score": [{"score": 9}, {"score": None}],
    "min_characters": [{"body": "x" * 54}, {"body": "See https://example.org/" + "long" * 30}],
}


def lost(result: Curated, *units: str) -> dict[str, int]:
    """How many rows each rule left out; what divides the pairs is no rule."""
    rules = [step for step in result.steps if step.unit in units and step.before != step.after]
    return {step.name: step.before - step.after for step in rules if step.name not in DIVIDING}


def test_each_rule_on_posts_leaves_out_what_it_says(tmp_path: Path) -> None:
    bad = [post(f"{rule}{at}", **one) for rule, several in BAD_POSTS.items() for at, one in enumerate(several)]
    good = [post(f"good{at}", **one) for at, one in enumerate(GOOD_POSTS)]
    answers = [comment(f"to_{one['id']}", one["id"]) for one in (*bad, *good)]
    result = curated(tmp_path, [*OTHERS, *bad, *good], [*ANSWERS, *answers])
    assert lost(result, "posts", "pairs") == {rule: len(several) for rule, several in BAD_POSTS.items()}
    assert set(rows_of(tmp_path / "out")) == {*"pqrs", *(one["id"] for one in good)}


def test_each_rule_on_answers_leaves_out_what_it_says(tmp_path: Path) -> None:
    posts, answers = [], []
    for rule, several in BAD_COMMENTS.items():
        for at, changes in enumerate(several):
            posts.append(post(f"{rule}{at}"))
            answers.append(comment(f"to_{rule}{at}", f"{rule}{at}", **changes))
    result = curated(tmp_path, [*OTHERS, *posts], [*ANSWERS, *answers])
    assert lost(result, "comments", "pairs") == {rule: len(several) for rule, several in BAD_COMMENTS.items()}
    assert set(rows_of(tmp_path / "out")) == set("pqrs")
    just = curated(tmp_path, OTHERS, [{**one, "score": 10, "body": "y" * 55} for one in ANSWERS], out="just")
    assert just.sizes["train"] + just.sizes["validation"] == 4


def test_an_asker_who_is_not_known_leaves_answers_alone(tmp_path: Path) -> None:
    posts = [post("gone", author="[deleted]"), post("none", author=None)]
    answers = [comment("x", "gone", author="[deleted]", is_submitter=False), comment("y", "none", author=None)]
    assert set(left(tmp_path, posts, answers)) == {"gone", "none"}


def test_the_best_answer_is_nobody_elses_thanks(tmp_path: Path) -> None:
    """Of the asker, or of a moderator who removed the post; the published rules take either."""
    comments = [
        comment("thanks", "a", is_submitter=True, score=500),
        comment("notice", "a", distinguished="moderator", stickied=True, score=400),
        comment("real", "a", score=15),
    ]
    assert left(tmp_path, [post("a")], comments)["a"]["comment_id"] == "real"
    published = left(tmp_path, [post("a")], comments, skip_moderators=False, skip_askers=False)
    assert published["a"]["comment_id"] == "thanks"


def test_texts_are_looked_at_again_once_they_are_cleaned(tmp_path: Path) -> None:
    asked = "No question so far, only what happened to us last night with the youngest."
    posts = [
        post("unseen", selftext="&amp;#x200B;"),
        post("blank", selftext="\u200b \u00a0"),
        post("link", selftext="https://example.org/a"),
        post("dot", selftext=" . "),
        post("edit", title="Sleep", selftext=f"{asked}\n\nEdit: why was this removed?"),
        post("address", title="Sleep", selftext=f"{asked} https://example.org/a?b=c"),
    ]
    answers = [comment(f"to_{one['id']}", one["id"]) for one in posts]
    result = curated(tmp_path, [*OTHERS, *posts], [*ANSWERS, *answers])
    assert lost(result, "posts", "pairs") == {"body_left": 4, "question_left": 2}
    assert set(rows_of(tmp_path / "out")) == set("pqrs")
    assert len(left(tmp_path, posts, answers, recheck=False)) == len(posts)
    assert set(left(tmp_path, posts, answers, question=False)) == {"edit", "address"}


def test_an_answer_of_nothing_but_a_link_is_none_even_without_a_least_length(tmp_path: Path) -> None:
    options = {"min_characters": 0}
    answers = [comment("x", "a", body="https://example.org/a"), comment("y", "b", body="Yes.")]
    assert set(left(tmp_path, [post("a"), post("b")], answers, **options)) == {"b"}


def test_flairs_are_matched_as_words_in_any_case(tmp_path: Path) -> None:
    flairs = ["Update", "update!", "Adult Children 18+", "Rant/Vent", "trigger  warning", "AMA"]
    posts = [post(f"bad{number}", link_flair_text=flair) for number, flair in enumerate(flairs)]
    result = curated(tmp_path, [*OTHERS, *posts], [*ANSWERS, *(comment(f"to_{one['id']}", one["id"]) for one in posts)])
    assert funnel(result)["exclude_flairs", "pairs"] == (10, 4)


def test_a_flair_with_signs_of_a_pattern_is_taken_as_it_is(tmp_path: Path) -> None:
    assert flair_pattern(["C++ (old)"]) == r"(^|[^a-z0-9])(c\+\+\s+\(old\))s?([^a-z0-9]|$)"
    posts = [post("plus", link_flair_text="c++ (old)"), post("c", link_flair_text="ccc old")]
    answers = [comment("x", "plus"), comment("y", "c")]
    assert set(left(tmp_path, posts, answers, exclude_flairs=("C++ (old)",))) == {"c"}


def test_the_best_scored_answer_wins_and_the_earliest_of_equals(tmp_path: Path) -> None:
    comments = [
        comment("late", "a", score=30, created_utc=300),
        comment("low", "a", score=10, created_utc=1),
        comment("early", "a", score=30, created_utc=200),
        comment("unknown", "a", score=30, created_utc=None),
        comment("reply", "a", score=99, parent_id="t1_early"),
    ]
    row = left(tmp_path, [post("a")], comments)["a"]
    assert row["comment_id"] == "early" and row["score"] == 30


def test_a_post_and_a_comment_that_stand_twice_count_once(tmp_path: Path) -> None:
    posts = [post("a"), post("a", score=13), post("b")]
    comments = [comment("x", "a"), comment("x", "a"), comment("y", "b")]
    result = curated(tmp_path, [*OTHERS, *posts], [*ANSWERS, *comments])
    assert funnel(result)["post_once", "posts"] == (7, 6)
    row = rows_of(tmp_path / "out")["a"]
    assert (row["source"], row["post_score"]) == ("posts.ndjson:5", 12), "the first line counts"
    lines = (tmp_path / "out" / "train.jsonl").read_text("utf-8") + (tmp_path / "out" / "validation.jsonl").read_text()
    assert sorted(json.loads(line)["id"] for line in lines.splitlines()) == ["a", "b", "p", "q", "r", "s"]


def test_rules_can_be_turned_off_and_vanish_from_the_funnel(tmp_path: Path) -> None:
    posts = [
        post("link", is_self=False),
        post("flat", title="No", selftext="Nothing asked."),
        post("bot", author="BOTS"),
    ]
    answers = [comment(f"{one['id']}1", one["id"], score=1, body="Short.") for one in posts]
    options = {
        "self_posts": False,
        "question": False,
        "min_score": 0,
        "min_characters": 0,
        "exclude_flairs": (),
        "bots": (),
    }
    result = curated(tmp_path, posts, answers, **options, train_share=0.5)
    assert set(rows_of(tmp_path / "out")) == {"link", "flat", "bot"}
    assert {"self_posts", "question", "exclude_flairs", "bots"}.isdisjoint(step.name for step in result.steps)


def test_each_row_of_the_funnel_goes_on_where_the_one_before_ended(tmp_path: Path) -> None:
    result = curated(tmp_path, [*OTHERS, post("x", is_self=False)], [*ANSWERS, comment("z", "x")])
    for unit in ("posts", "pairs"):
        rules = [step for step in result.steps if step.unit == unit and step.name not in ("validation", "quick")]
        assert [one.after for one in rules[:-1]] == [other.before for other in rules[1:]]
    assert funnel(result)["read_posts", "lines"] == (5, 5) and funnel(result)["answers", "comments"] == (5, 4)


def test_the_lists_name_each_once() -> None:
    for names in (BOTS, FLAIRS):
        assert len({name.lower() for name in names}) == len(names)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"min_score": 1000},
            "min_score left none of 4 pairs; it keeps those whose answer has a score of",
        ),
        ({"comments_above": 90}, "comments_above left none of 4 posts"),
        ({"min_characters": 9000}, "min_characters left none of 4 pairs"),
    ],
    ids=["score", "comments", "characters"],
)
def test_where_no_pair_is_left_the_rule_is_named_and_nothing_written(
    tmp_path: Path, options: dict[str, int], told: str
) -> None:
    with pytest.raises(PPAIError, match=f"^no pair is left: {told}"):
        curated(tmp_path, OTHERS, ANSWERS, **options)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"stages"}


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PPAIError, match=r"--engine: 'sqlite' is neither duckdb nor pyspark://MASTER"):
        curated(tmp_path, OTHERS, ANSWERS, engine="sqlite")
