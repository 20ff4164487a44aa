"""Files of human answers: read in each form, and refused in one line where they are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_studies import small_study

from eval.metrics.references import AnswerFile, read_answers
from ppai.errors import PPAIError
from ppai.schema import Study


def written(directory: Path, name: str, text: str) -> Path:
    (directory / name).write_text(text, "utf-8")
    return directory / name


def lines(*rows: dict[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_json_lines(tmp_path: Path) -> None:
    rows = lines({"prompt_id": "p1", "reference": "a"}, {"prompt_id": 2, "reference": "b", "score": 3})
    read = read_answers(written(tmp_path, "r.jsonl", rows))
    assert read == AnswerFile("r.jsonl", "reference", {"p1": ("a",), "2": ("b",)}, {"p1": 1, "2": 2})


@pytest.mark.parametrize(("name", "mark"), [("r.csv", ","), ("r.csv", ";"), ("r.tsv", "\t")])
def test_tables(tmp_path: Path, name: str, mark: str) -> None:
    text = f'id{mark}Human_Answer\np1{mark}"two\nlines"\np2{mark}\n'
    read = read_answers(written(tmp_path, name, text))
    assert read.column == "Human_Answer" and read.answers == {"p1": ("two\nlines",)}


def test_several_answers_to_a_prompt(tmp_path: Path) -> None:
    rows = lines({"id": "p1", "answer": ["a", "b"]}, {"id": "p2", "answer": "c"}, {"id": "p1", "answer": "d"})
    assert read_answers(written(tmp_path, "r.jsonl", rows)).answers == {"p1": ("a", "b", "d"), "p2": ("c",)}


def test_the_answers_of_a_study_are_in_its_order(tmp_path: Path) -> None:
    rows = lines({"id": "p3", "text": "c"}, {"id": "p2", "text": " "}, {"id": "p1", "text": "a"})
    found = read_answers(written(tmp_path, "r.jsonl", rows)).of_study(small_study())
    assert list(found.items()) == [("p1", ("a",)), ("p3", ("c",))]


@pytest.mark.parametrize(
    ("rows", "column", "said"),
    [
        ([{"id": "p1", "text": "a"}, {"id": "p9", "text": "b"}], None, "r.jsonl:2: the study has no prompt 'p9'"),
        ([{"id": f"q{n}", "text": "b"} for n in range(9)], None, "no prompt 'q0' (nor 8 others that the file names)"),
        ([{"id": f"q{n}", "text": "b"} for n in range(2)], None, "(nor 1 other that the file names)"),
        ([{"id": "p1", "text": ""}], None, "r.jsonl: text: holds no text"),
        ([{"id": "p1", "text": "p1"}], None, "r.jsonl: text: holds the posts"),
        ([{"id": "p1", "said": "a"}], None, "r.jsonl: no column of answers"),
        ([{"number": "p1", "text": "a"}], None, "r.jsonl: no column of prompt ids"),
        ([{"id": "p1", "text": "a"}], "best", "--reference-column: no column 'best'; there are text"),
        ([{"id": "p1", "text": 7}], None, "r.jsonl:1: text: must be text"),
        ([{"id": "p1", "text": ["a", None]}], None, "r.jsonl:1: text: must be text, or a list of texts"),
        ([{"id": 1.5, "text": "a"}], None, "r.jsonl:1: id: must be a prompt's id, not a number"),
        ([], None, "r.jsonl: is empty"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(
    tmp_path: Path, rows: list[dict[str, object]], column: str | None, said: str
) -> None:
    file = written(tmp_path, "r.jsonl", lines(*rows))
    with pytest.raises(PPAIError) as refused:
        read_answers(file, column).of_study(small_study())
    assert said in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("r.jsonl", "{", "r.jsonl:1: is not JSON"),
        ("r.csv", "id,text\np1,a,b\n", "r.csv:2: the row has 3 cells"),
        ("r.csv", "", "r.csv: the table is empty"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(PPAIError, match=said):
        read_answers(written(tmp_path, name, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PPAIError, match=r"none\.csv: the file is missing"):
        read_answers(tmp_path / "none.csv")


@pytest.mark.parametrize(("same", "refused"), [(20, True), (18, True), (17, False)])
def test_a_systems_own_responses_are_no_answers(tmp_path: Path, same: int, refused: bool) -> None:
    prompts = tuple(f"p{n}" for n in range(20))
    study = small_study(prompts, lengths={(prompt, "new"): 12 for prompt in prompts})
    own = [one for one in study.responses if one.system == study.config.system_ids[1]]
    rows = [{"id": one.prompt_id, "text": one.text if n < same else "of people"} for n, one in enumerate(own)]
    read = read_answers(written(tmp_path, "r.jsonl", lines(*rows)))
    if not refused:
        assert len(read.of_study(study)) == 20
        return
    with pytest.raises(PPAIError, match=rf"^r.jsonl: text: holds the responses of '{own[0].system}' \({same} of 20 "):
        read.of_study(study)


def test_answers_that_a_system_may_have_learned_are_left_out(tmp_path: Path) -> None:
    rows = [{"id": f"p{n}", "text": "a", "split": side} for n, side in enumerate(("train", "validation", "train"), 1)]
    assert list(read_answers(written(tmp_path, "r.jsonl", lines(*rows))).answers) == ["p2"]
    one_sided = read_answers(written(tmp_path, "r.jsonl", lines(rows[0], rows[2])))
    assert list(one_sided.answers) == ["p1", "p3"], "a file of one side alone is read whole"


def on_topics(*topics: str | None) -> Study:
    study = small_study(tuple(f"p{n}" for n in range(len(topics))))
    prompts = [one.model_copy(update={"topic": topic}) for one, topic in zip(study.prompts, topics, strict=True)]
    return study.model_copy(update={"prompts": tuple(prompts)})


TOLD = lines(
    {"id": "v1", "topic": "Sleep", "response": "s1"},
    {"id": "v2", "topic": "Chores", "response": "c1"},
    {"id": "v3", "topic": "Sleep", "response": "s2"},
    {"id": "v4", "response": "of no topic"},
)


def test_the_answers_of_a_prompts_topic_stand_in_for_its_own(tmp_path: Path) -> None:
    read = read_answers(written(tmp_path, "r.jsonl", TOLD))
    found = read.by_topic(on_topics("Chores", None, "Sleep", "Grief"))
    assert list(found.items()) == [("p0", ("c1",)), ("p2", ("s1", "s2"))]


@pytest.mark.parametrize(
    ("rows", "topics", "said"),
    [
        (lines({"id": "v1", "response": "a"}), ("Sleep",), "r.jsonl: --by-topic: no answer has a topic"),
        (TOLD, (None, None), "--by-topic: the study's prompts have no topics"),
        (TOLD, ("Grief",), "r.jsonl: --by-topic: the study has no prompt on 'Sleep', nor on any other topic of it"),
    ],
)
def test_topics_that_do_not_meet_are_told(tmp_path: Path, rows: str, topics: tuple[str | None, ...], said: str) -> None:
    with pytest.raises(PPAIError) as refused:
        read_answers(written(tmp_path, "r.jsonl", rows)).by_topic(on_topics(*topics))
    assert str(refused.value) == said
