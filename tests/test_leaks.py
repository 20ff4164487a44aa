"""The leak scan: what responses show of the system that wrote them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppai.leaks import Separation, leak_table, response_traits
from ppai.schema import Prompt, Response, Study, StudyConfig, System
from ppai.studyfiles import read_study
from ppai.studyfiles.pairs import study_pairs


def study_of(first: list[str], second: list[str], **names: System) -> Study:
    config = StudyConfig(systems=(names.get("one", System(id="one")), names.get("two", System(id="two"))))
    ids = config.system_ids
    texts = {(n, system): row[n] for system, row in zip(ids, (first, second), strict=True) for n in range(len(row))}
    prompts = tuple(Prompt(id=str(n), text="t") for n in range(max(len(first), len(second))))
    responses = tuple(Response(prompt_id=str(n), system=system, text=text) for (n, system), text in texts.items())
    return Study(config=config, prompts=prompts, responses=responses, pairs=study_pairs(config, prompts, responses))


def separation(study: Study, trait: str) -> Separation:
    return next(row for row in leak_table(study).separations if row.trait == trait)


def test_lists_alone_separate_the_published_systems(published_study: Path) -> None:
    table = leak_table(read_study(published_study))
    shares = {row.system: row.lists for row in table.systems}
    assert shares["base"] == pytest.approx(0.82)
    assert shares["finetuned"] <= 0.02
    lists = next(row for row in table.separations if row.trait == "lists")
    assert (lists.n, lists.marked) == (100, "base")
    assert 0.9 <= lists.accuracy <= 0.91
    assert any(warning.startswith("lists alone tell base from finetuned in 9") for warning in table.warnings)


def test_no_trait_separates_pandalms_systems(pandalm_study: Path) -> None:
    table = leak_table(read_study(pandalm_study))
    assert len(table.systems) == 5
    assert len(table.separations) == 10 * 7
    assert table.warnings == ()
    assert "no trait alone" in str(table)


def test_accuracy_counts_a_tie_as_half() -> None:
    study = study_of(["- a\n- b", "- a\n- b", "no", "no"], ["no", "no", "no", "- c\n- d"])
    row = separation(study, "lists")
    assert (row.accuracy, row.marked, row.n) == (0.625, "one", 4)
    assert leak_table(study).systems[0].lists == 0.5


def test_accuracy_counts_only_prompts_that_both_answered() -> None:
    row = separation(study_of(["long text", "x", "y"], ["z"]), "characters")
    assert (row.accuracy, row.n) == (1.0, 1)
    assert row.sentence == "length in characters alone tells one from two in 100% of pairs (n = 1; more in one)"


@pytest.mark.parametrize(
    "text",
    ["I am ChatGPT.", "made by OpenAI", "gpt-4o here", "Claude 3", "by Meta AI,", "Llama2", "Qwen2.5-7B", "Google it"],
)
def test_vendors_are_names(text: str) -> None:
    assert response_traits(text).names == 1


@pytest.mark.parametrize(
    "text", ["Claudette sang", "a meta question", "Egypt", "googled", "mistrals", "the base of it"]
)
def test_words_that_contain_a_name_are_none(text: str) -> None:
    assert response_traits(text).names == 0


def test_a_system_is_known_by_the_words_of_its_name_but_not_by_plain_ones() -> None:
    systems = {"one": System(id="base", name="Base", model="acme/Zorro-7B-Instruct"), "two": System(id="prompted")}
    study = study_of(["I am Zorro.", "On this base"], ["prompted by you", "Zorro"], **systems)
    assert [row.names for row in leak_table(study).systems] == [0.5, 0.0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("As an AI, I cannot", 1),
        ("as a large language model", 1),
        ("I'm just an AI", 1),
        ("I’m a language model", 1),
        ("as a parent I said AI is new", 0),
        ("as an aid", 0),
    ],
)
def test_stock_phrases(text: str, found: int) -> None:
    assert response_traits(text).ai_phrases == found


def test_format_length_and_emptiness() -> None:
    traits = response_traits("# Title\n\n**bold** words")
    assert (traits.lists, traits.markdown, traits.characters, traits.words) == (0, 1, 23, 4)
    assert response_traits(" \n").empty == 1
    assert response_traits("Try: 1. Sit 2. Talk").lists == 1


def test_the_table_is_readable() -> None:
    text = str(leak_table(study_of(["- a\n- b"] * 3, [""] * 3)))
    lines = text.splitlines()
    assert len({len(line) for line in lines[1:4]}) == 1
    assert lines[2].split() == ["one", "3", "100%", "0%", "0%", "0%", "0%", "7", "4"]
    assert "lists alone tell one from two in 100% of pairs (n = 3; more in one)" in lines


def test_of_a_name_that_is_a_phrase_only_capitalised_words_count() -> None:
    phrase = System(id="s1", name="Zebra with a short prompt")
    texts = ["I am Zebra.", "Try it with a short walk."]
    table = leak_table(study_of(texts, texts, one=phrase))
    assert [row.names for row in table.systems] == [0.5, 0.0]
