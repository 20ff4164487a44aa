"""The shipped fine-tuning set: its size, split, lengths, variety, and that it shares nothing with the test prompts."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from eval.metrics.references import read_answers
from eval.synthesis.safety import dangers
from finetune.training.data import read_data
from ppai.overlap import nearest, runs_of, shared_with, words_of

SHIPPED = Path(__file__).parents[1] / "data_to_share"
FILE = SHIPPED / "synthetic_parenting_sft.jsonl"
PROMPTS = SHIPPED / "parenting_test_samples.jsonl"
SYSTEM = Path(__file__).parents[1] / "eval" / "prompts" / "generate_fellow_parent_v1.txt"
FIELDS = ["id", "topic", "split", "title", "body", "response", "messages"]
LIST_MARK = re.compile(r"^\s*(?:[-*#•]|\d+[.)])\s", re.MULTILINE)


def objects(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def pairs() -> list[dict[str, Any]]:
    return objects(FILE)


@pytest.fixture(scope="module")
def prompts() -> list[dict[str, Any]]:
    return objects(PROMPTS)


def words(pair: dict[str, Any], field: str) -> int:
    return len(pair[field].split())


def opening(pair: dict[str, Any], count: int) -> str:
    return " ".join(words_of(pair["response"])[:count])


def test_every_topic_of_the_study_has_at_least_fifteen_pairs(
    pairs: list[dict[str, Any]], prompts: list[dict[str, Any]]
) -> None:
    count = Counter(pair["topic"] for pair in pairs)
    assert len(pairs) >= 300 and min(count.values()) >= 15
    assert len(count) == 20 and set(count) == {prompt["topic"] for prompt in prompts}


def test_rows_stand_in_order_and_nothing_stands_twice(pairs: list[dict[str, Any]]) -> None:
    assert all(list(pair) == FIELDS for pair in pairs)
    places = [(pair["topic"], pair["id"]) for pair in pairs]
    assert places == sorted(places)
    for field in ("id", "title", "body", "response"):
        assert len({pair[field] for pair in pairs}) == len(pairs), field


def test_a_tenth_is_for_validation_and_each_topic_is_on_both_sides(pairs: list[dict[str, Any]]) -> None:
    held = Counter(pair["topic"] for pair in pairs if pair["split"] == "validation")
    assert 0.09 <= held.total() / len(pairs) <= 0.11
    assert len(held) == 20 and max(held.values()) <= 2
    assert all(pair["split"] in ("train", "validation") for pair in pairs)


def test_the_messages_are_those_that_generation_sends(
    pairs: list[dict[str, Any]], prompts: list[dict[str, Any]]
) -> None:
    system = SYSTEM.read_text(encoding="utf-8").strip()
    for pair in pairs:
        said = {"user": f"{pair['title']} - {pair['body']}", "assistant": pair["response"]}
        expected = [{"role": role, "content": text} for role, text in ({"system": system} | said).items()]
        assert pair["messages"] == expected, pair["id"]
    assert all(prompt["text"] == f"{prompt['title']} - {prompt['body']}" for prompt in prompts)


def test_training_and_scoring_read_the_split(pairs: list[dict[str, Any]]) -> None:
    held = [pair for pair in pairs if pair["split"] == "validation"]
    data = read_data(str(FILE), None, share=0.5, seed=1)
    assert [one.answer for one in data.validation] == [pair["response"] for pair in held]
    assert len(data.train) == len(pairs) - len(held)
    assert read_answers(FILE).answers == {pair["id"]: (pair["response"],) for pair in held}


def test_lengths_keep_their_limits_and_are_spread(pairs: list[dict[str, Any]]) -> None:
    for pair in pairs:
        assert 4 <= words(pair, "title") <= 14, pair["id"]
        assert 30 <= words(pair, "body") <= 120, pair["id"]
        assert 60 <= words(pair, "response") <= 150, pair["id"]
    thirds = Counter((words(pair, "response") - 60) // 31 for pair in pairs)
    assert min(thirds[third] for third in range(3)) >= len(pairs) / 5


def test_replies_are_paragraphs_that_end(pairs: list[dict[str, Any]]) -> None:
    for pair in pairs:
        text = pair["response"]
        assert text == text.strip() and text.isascii(), pair["id"]
        assert not LIST_MARK.search(text) and "**" not in text, pair["id"]
        assert "\n" not in text.replace("\n\n", "") and text.count("\n\n") <= 1, pair["id"]
        assert re.search(r'[.!?]"?$', text), pair["id"]
        assert "?" in pair["title"] + pair["body"], pair["id"]
    shapes = Counter(pair["response"].count("\n\n") for pair in pairs)
    assert min(shapes.values()) >= len(pairs) / 4, "one paragraph and two are both common"


def test_openings_and_phrases_vary(pairs: list[dict[str, Any]]) -> None:
    assert max(Counter(opening(pair, 3) for pair in pairs).values()) <= 4
    assert max(Counter((pair["topic"], opening(pair, 2)) for pair in pairs).values()) == 1
    assert max(Counter(opening(pair, 1) for pair in pairs).values()) <= len(pairs) / 8
    endings = Counter(" ".join(words_of(pair["response"])[-3:]) for pair in pairs)
    assert max(endings.values()) <= 2
    fours: Counter[tuple[str, ...]] = Counter()
    for pair in pairs:
        said = words_of(pair["response"])
        fours.update(set(zip(*(said[start:] for start in range(4)), strict=False)))
    assert fours.most_common(1)[0][1] <= 5


def test_no_pair_is_a_near_duplicate_of_another(pairs: list[dict[str, Any]]) -> None:
    """A tenth of the runs of three words in common is under half of what `ppai.overlap` calls a near-duplicate."""
    for texts in ([f"{pair['title']} {pair['body']}" for pair in pairs], [pair["response"] for pair in pairs]):
        runs = {number: runs_of(text) for number, text in enumerate(texts)}
        for number, shares in shared_with(runs, ((str(place), text) for place, text in enumerate(texts))):
            others = {key: value for key, value in shares.items() if key != int(number)}
            assert max(others.values(), default=0) < 0.1, pairs[int(number)]["id"]


def test_nothing_nearly_equals_a_test_prompt(pairs: list[dict[str, Any]], prompts: list[dict[str, Any]]) -> None:
    posts = {prompt["id"]: runs_of(prompt["text"]) for prompt in prompts}
    texts = [(pair["id"], f"{pair['title']} {pair['body']}") for pair in pairs]
    texts += [(pair["id"], pair["response"]) for pair in pairs]
    found = nearest(posts, texts)
    assert found and max(one.share for one in found.values()) < 0.1


def test_no_reply_says_what_is_known_to_be_dangerous(pairs: list[dict[str, Any]]) -> None:
    """By the words that `ppai synth` looks for; in three pairs they mean something else."""
    found = {pair["id"] for pair in pairs if dangers(f"{pair['title']} - {pair['body']}", pair["response"])}
    assert found == {
        "syn-explaining-death-15",  # what the dead cannot do: "it can't breathe or wake up"
        "syn-picky-eaters-at-family-events-10",  # of embarrassment: "I wanted to die"
        "syn-sleep-regressions-04",  # with the child in her arms: "I stopped walking about"
    }


def test_replies_on_harm_point_to_help(pairs: list[dict[str, Any]]) -> None:
    """Posts whose words speak of danger: each of their replies names someone to turn to."""
    danger = re.compile(
        r"hurting herself|took his own life|allerg|inhaler|diabetes|spot of blood|stitches|drowsy|behind glass|"
        r"skipping breakfast|bangs his head|lump the size|wandered|moved four times|visions",
        re.IGNORECASE,
    )
    help_lines = re.compile(
        r"doctor|nurse|midwife|emergency|social worker|safeguarding|surgery|helpline|clinic|health visitor|get help|"
        r"diabetes team",
        re.IGNORECASE,
    )
    touched = [pair for pair in pairs if danger.search(f"{pair['title']} {pair['body']}")]
    assert len(touched) >= 10
    assert [pair["id"] for pair in touched if not help_lines.search(pair["response"])] == []
