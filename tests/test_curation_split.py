"""The split: sizes, what stays together, near-duplicates, authors, test prompts and preference pairs."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from forum_dump import ANSWER, comment, curated, funnel, post, rows_of

from finetune.curation.duplicates import Hashing, Links, similar_pairs
from finetune.curation.recipe import Curation
from finetune.curation.split import author_links, divide, groups_of, train_size
from ppai.errors import PPAIError
from ppai.overlap import runs_of, share, shared_with

WORDS = [f"word{number}" for number in range(5000)]


def prose(words: int, seed: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def linked(*pairs: tuple[int, int]) -> Links:
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def replaced(text: str, share: float, seed: int) -> str:
    """The text with a share of its words replaced, one after the other from its end."""
    words = text.split()
    count = round(share * len(words))
    return " ".join(words[: len(words) - count] + prose(count, seed).split()) if count else text


@pytest.mark.parametrize(
    ("pairs", "size"), [(22_600, 19_200), (2_823, 0), (2_824, 2_400), (8_000, 4_800), (10, 8), (1, 0), (0, 0)]
)
def test_the_size_of_the_training_set(pairs: int, size: int) -> None:
    """85% rounded down to a multiple of 2,400; where they are fewer than that, rounded down to a whole number."""
    assert train_size(pairs, Curation()) == (size or int(0.85 * pairs))


def test_every_pair_is_in_one_part_and_the_seed_draws_which() -> None:
    recipe = Curation(train_multiple=24, preference_share=0.1)
    one, again = divide(np.arange(1000), recipe), divide(np.arange(1000), recipe)
    parts = [one.train.tolist(), one.validation.tolist(), one.preference.tolist()]
    assert sorted(row for part in parts for row in part) == list(range(1000))
    assert [len(part) for part in parts] == [744, 156, 100] and len(one.quick) == 100
    assert set(one.quick.tolist()) <= set(parts[1]) and one.notes == ()
    assert one.train.tolist() == again.train.tolist()
    assert one.train.tolist() != divide(np.arange(1000), Curation(train_multiple=24, seed=43)).train.tolist()


def test_groups_stay_whole_and_sizes_still_come_out() -> None:
    draw = random.Random(0)
    groups = groups_of(600, linked(*((draw.randrange(600), draw.randrange(600)) for _ in range(200))))
    division = divide(groups, Curation(train_multiple=24, preference_share=0.1))
    sides = {}
    for name in ("train", "validation", "preference"):
        for row in getattr(division, name):
            assert sides.setdefault(groups[row], name) == name
    assert (len(division.preference), len(division.train)) == (60, 456)


def test_a_group_too_large_for_a_part_is_said() -> None:
    division = divide(np.array([0] * 9 + [9]), Curation(preference_share=0, train_multiple=1))
    assert (len(division.train), len(division.validation)) == (1, 9)
    assert division.notes == ("the training set has 1 pairs rather than 8, since groups stay whole",)
    assert "fewer than 2,400" in divide(np.arange(10), Curation(preference_share=0)).notes[0]


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ([0] * 40, "nothing is left to train on: 40 of 40 pairs hang together"),
        ([0], "1 pair cannot be divided into a training and a validation set"),
        ([], "0 pairs cannot be divided"),
    ],
)
def test_a_split_without_training_is_refused(groups: list[int], told: str) -> None:
    with pytest.raises(PPAIError, match=told):
        divide(np.array(groups, dtype=np.intp), Curation())


def test_links_are_followed_to_the_lowest_row() -> None:
    assert groups_of(6, linked((4, 5), (1, 4), (5, 0))).tolist() == [0, 0, 2, 3, 0, 0]
    assert groups_of(3, linked()).tolist() == [0, 1, 2] and groups_of(0, linked()).tolist() == []
    authors = pa.array(["x", "[deleted]", "y", "x", "[deleted]", None, "x", None, "", ""])
    assert author_links(authors).tolist() == [[0, 3], [3, 6]]
    assert author_links(pa.array([], pa.string())).shape == (0, 2)


def test_minhash_finds_near_duplicates_and_leaves_others_alone() -> None:
    texts = [prose(150, seed) for seed in range(300)]
    copies = [replaced(texts[0], 0, 1), texts[1].upper() + "!", replaced(texts[2], 0.1, 2), replaced(texts[3], 0.6, 3)]
    signatures = Hashing().signatures([*texts, *copies])
    assert similar_pairs(signatures, 0.7).tolist() == [[0, 300], [1, 301], [2, 302]]
    assert (Hashing().signatures(texts[:3]) == signatures[:3]).all()


def test_the_estimate_of_similarity_is_near_jaccards() -> None:
    text = prose(300, 1)
    other = replaced(text, 0.3, 2)
    one, two = runs_of(text), runs_of(other)
    exact = len(one & two) / len(one | two)
    signatures = Hashing().signatures([text, other])
    assert (signatures[0] == signatures[1]).mean() == pytest.approx(exact, abs=0.13), "three standard errors"


def test_many_copies_of_one_text_hang_together() -> None:
    signatures = Hashing().signatures([prose(80, 1)] * 50 + [prose(80, 2), "", "two words"])
    assert groups_of(53, similar_pairs(signatures, 0.7)).tolist() == [0] * 50 + [50, 51, 52]
    assert similar_pairs(Hashing().signatures([]), 0.7).shape == (0, 2)


def test_near_duplicates_and_authors_end_on_one_side(tmp_path: Path) -> None:
    body = prose(60, 7)
    posts = [post(f"{number:02}", selftext=prose(60, 100 + number)) for number in range(30)]
    posts += [post(f"dup{number}", title="Help?", selftext=f"{body} {number}") for number in range(6)]
    posts += [post(f"own{number}", selftext=prose(60, 200 + number), author="one_asker") for number in range(6)]
    answers = [comment(f"to_{one['id']}", one["id"]) for one in posts]
    options = {"train_multiple": 1, "train_share": 0.5, "preference_share": 0.3}
    result = curated(tmp_path, posts, answers, **options)
    rows = rows_of(tmp_path / "out", "train", "validation", "preference")
    sides = {key: name for name in ("train", "validation", "preference") for key in rows_of(tmp_path / "out", name)}
    for stem in ("dup", "own"):
        assert len({side for key, side in sides.items() if key.startswith(stem)}) == 1
        assert {row["group"] for key, row in rows.items() if key.startswith(stem)} == {f"{stem}0"}
    changed = {step.name: step.changed for step in result.steps}
    assert (changed["near_duplicates"], changed["by_author"]) == (5, 5) and len(rows) == 42
    free = curated(tmp_path, posts, answers, **options, near_duplicates=0, by_author=False)
    assert {"near_duplicates", "by_author"}.isdisjoint(step.name for step in free.steps)
    assert {row["group"] for row in rows_of(tmp_path / "out").values()} == set(rows_of(tmp_path / "out"))


def test_no_post_repeats_a_test_prompt(tmp_path: Path) -> None:
    tests = {"t1": prose(80, 1), "t2": prose(80, 2)}
    texts = {"copy": tests["t1"], "half": replaced(tests["t2"], 0.5, 3), "other": prose(80, 4), "bit": prose(80, 5)}
    texts["bit"] += " " + " ".join(tests["t1"].split()[:10])
    posts = [post(key, title="Why?", selftext=text) for key, text in texts.items()]
    answers = [comment(f"to_{key}", key) for key in texts]
    result = curated(tmp_path, posts, answers, tests=tests)
    assert set(rows_of(tmp_path / "out")) == {"other", "bit"}
    assert funnel(result)["near_tests", "pairs"] == (4, 2)
    again = curated(tmp_path, posts, answers, tests=tests, near_tests=0)
    assert set(rows_of(tmp_path / "out")) == set(texts) and ("near_tests", "pairs") not in funnel(again)
    unknown = curated(tmp_path, posts, answers)
    assert any("--study" in note for note in unknown.notes)


def test_no_post_repeats_a_short_test_prompt(tmp_path: Path) -> None:
    """Of which a copy has too few runs for the limit."""
    tests = {"t1": "Toddler bites - what do I do?", "t2": "Help - now?"}
    posts = [
        post("copy", title="Toddler bites", selftext="What do I do?"),
        post("near", title="My toddler bites", selftext="what do I do??"),
        post("two", title="HELP", selftext="Now?"),
        post("long", title="Toddler bites", selftext=f"What do I do? {prose(60, 1)}"),
        post("other", title="Toddler up all night", selftext="What do I do?"),
    ]
    result = curated(tmp_path, posts, [comment(f"to_{one['id']}", one["id"]) for one in posts], tests=tests)
    assert set(rows_of(tmp_path / "out")) == {"long", "other"}
    assert funnel(result)["near_tests", "pairs"] == (5, 2)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Is this ok?", "is THIS, ok", 1.0),
        ("ok", "Ok!", 1.0),
        ("a b c d e f", "a b c d e g", 5 / 6),
        ("a b c d e f", "a b c d x y", 2 / 30),
        ("ok", "ok then", 0.0),
        ("", "", 0.0),
    ],
)
def test_short_texts_that_copy_each_other_are_compared_by_their_words(one: str, other: str, expected: float) -> None:
    assert share(runs_of(one), runs_of(other)) == pytest.approx(expected)


def test_what_two_texts_share_is_of_the_shorter() -> None:
    text = prose(100, 1)
    (_, shares), (_, nothing) = shared_with(
        {7: runs_of(text)}, [("a", " ".join(text.split()[:52])), ("b", prose(90, 2))]
    )
    assert shares == {7: 1.0} and nothing == {}


def test_set_aside_posts_have_runners_up_and_preference_pairs(tmp_path: Path) -> None:
    posts = [post("a"), post("b"), post("c")]
    answers = []
    for key in "abc":
        answers += [
            comment(f"{key}_best", key, score=30),
            comment(f"{key}_near", key, score=26, body=f"{ANSWER} Nearly as good."),
            comment(f"{key}_low", key, score=25, body=f"Worse: {ANSWER} http://x.org/a"),
            comment(f"{key}_low", key, score=25, body=f"Worse: {ANSWER} http://x.org/a"),
            comment(f"{key}_copy", key, score=9, body=f"{ANSWER} {key}_best"),
            comment(f"{key}_short", key, score=8, body="Too short."),
            comment(f"{key}_fourth", key, score=7, body=f"Fourth: {ANSWER}"),
        ]
    result = curated(tmp_path, posts, answers, preference_share=0.4, system="Be kind.")
    (row,) = rows_of(tmp_path / "out", "preference").values()
    assert [one["comment_id"][2:] for one in row["runners_up"]] == ["near", "low", "copy"]
    assert row["runners_up"][1] == {"comment_id": f"{row['id']}_low", "score": 25, "text": f"Worse: {ANSWER}"}
    (pair,) = rows_of(tmp_path / "out", "preference_pairs").values()
    assert pair["prompt"] == row["messages"][:2] and pair["chosen"] == row["messages"][2:]
    assert pair["rejected"] == [{"role": "assistant", "content": f"Worse: {ANSWER}"}]
    assert (pair["chosen_score"], pair["rejected_score"], pair["rejected_id"]) == (30, 25, f"{row['id']}_low")
    assert funnel(result)["preference_pairs", "comments"] == (3, 1)
    assert not set(rows_of(tmp_path / "out")) & {row["id"]}


@pytest.mark.parametrize("recheck", [True, False])
def test_a_runner_up_of_which_cleaning_leaves_no_word_is_none(tmp_path: Path, recheck: bool) -> None:
    answers = [comment(f"{key}_best", key) for key in "abc"]
    bodies = {
        "words": "Yes.",
        "signs": "\u2026 !!",
        "address": "u/some_one",
        "link": "https://x.org/a",
        "blank": "&amp;#x200B;",
    }
    answers += [
        comment(f"{key}_{name}", key, body=body, score=19 - at)
        for key in "abc"
        for at, (name, body) in enumerate(bodies.items())
    ]
    options = {"preference_share": 0.4, "min_characters": 0, "runners_up": 5, "recheck": recheck}
    curated(tmp_path, [post(key) for key in "abc"], answers, **options)
    (row,) = rows_of(tmp_path / "out", "preference").values()
    assert [one["comment_id"][2:] for one in row["runners_up"]] == (["words"] if recheck else list(bodies))
