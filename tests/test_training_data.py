"""Training data: the forms that are read, what is refused and by what line, and the validation set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conversations import ANSWERS, SYSTEM, row, write_conversations, write_rows

from finetune.training.data import read_conversations, read_data
from ppai.errors import PPAIError, StudyError


def test_the_last_message_is_the_answer_and_all_before_it_the_prompt(tmp_path: Path) -> None:
    said = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hello to you"},
        {"role": "user", "content": "He bites"},
        {"role": "assistant", "content": "Ours did too"},
    ]
    (one,) = read_conversations(write_rows(tmp_path / "a.jsonl", [{"messages": said}]))
    assert one.answer == "Ours did too" and list(one.prompt) == said[:3] and one.messages == said


def test_prompt_and_completion_may_be_texts_or_messages(tmp_path: Path) -> None:
    system, user, assistant = row(0)["messages"]
    rows = [
        {"prompt": user["content"], "completion": assistant["content"]},
        {"prompt": [system, user], "completion": [assistant]},
    ]
    texts, messages = read_conversations(write_rows(tmp_path / "a.jsonl", rows))
    assert texts.messages == [user, assistant] and messages.messages == row(0)["messages"]
    assert (texts.line, messages.line) == (1, 2)


def test_parquet_is_read_like_json_lines(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = [row(number) for number in range(5)]
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    lines = read_conversations(write_rows(tmp_path / "a.jsonl", rows))
    found = read_conversations(tmp_path / "a.parquet")
    assert [(one.messages, one.line) for one in found] == [(one.messages, one.line) for one in lines]


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in {"prompt": "p", "completion": "c"}.items() if name != key}


def said(*messages: tuple[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": text} for role, text in messages]}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"text": "x"}, "messages: is missing, as are prompt and completion"),
        (without("completion"), "completion: is missing"),
        (without("prompt"), "prompt: is missing"),
        ({"messages": []}, "messages: must be a list of messages, not empty"),
        ({"messages": "hello"}, "messages: must be a list of messages, not text"),
        ({"messages": ["hello"]}, "messages.0: must be an object with role and content, both texts"),
        (said(("user", None)), "messages.0: must be an object with role and content, both texts"),
        (said(("human", "x")), "messages.0.role: 'human' is none of system, user, assistant"),
        (said(("user", "x")), "messages: the last one must be the assistant's answer"),
        (said(("user", "x"), ("assistant", " \n")), "messages.1.content: the answer is empty"),
        ({"prompt": "x", "completion": ""}, "completion: the answer is empty"),
        (said(("system", "x"), ("assistant", "y")), "messages: no user says anything before the answer"),
        ({"prompt": "", "completion": "y"}, "prompt: no user says anything before the answer"),
        (row(0, split="test"), "split: 'test' is none of train, validation"),
        (row(0, split=["train"]), "split: ['train'] is none of train, validation"),
    ],
)
def test_a_wrong_row_is_told_by_file_line_and_field(wrong: dict[str, Any], told: str, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.jsonl", [row(0), wrong, row(1)])
    with pytest.raises(StudyError) as refused:
        read_conversations(path)
    assert str(refused.value) == f"a.jsonl:2: {told}"


def test_ten_wrong_rows_are_told_and_the_rest_counted(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.jsonl", [{"text": "x"}] * 13)
    with pytest.raises(StudyError) as refused:
        read_conversations(path)
    lines = str(refused.value).splitlines()
    assert len(lines) == 11 and lines[-1] == "a.jsonl: 3 more like these"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", b"", "a.jsonl: holds no conversations"),
        ("a.jsonl", b"{", "a.jsonl:1: is not JSON"),
        ("a.jsonl", b"\xff\xfe", "a.jsonl:1: is UTF-16"),
        ("a.parquet", b"PAR1", "a.parquet: is no Parquet file"),
        ("none.jsonl", None, "none.jsonl: the file is missing"),
        ("none.parquet", None, "none.parquet: cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(name: str, content: bytes | None, told: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(PPAIError) as refused:
        read_conversations(tmp_path / name)
    assert told in str(refused.value) and "\n" not in str(refused.value)


def test_a_directory_stands_for_its_two_files(tmp_path: Path) -> None:
    write_conversations(tmp_path / "train.jsonl", 4)
    write_conversations(tmp_path / "validation.jsonl", 2, first=10)
    data = read_data(str(tmp_path), None, share=0.1, seed=1)
    assert (len(data.train), len(data.validation), data.held_out) == (4, 2, False)
    (tmp_path / "train.jsonl").unlink()
    told = r"^data\.train: .* is a folder that has none of train\.parquet, train\.jsonl, train\.json: name a file with"
    with pytest.raises(PPAIError, match=told):
        read_data(str(tmp_path), None, share=0.1, seed=1)


def test_a_folder_as_validation_file_is_one_line_that_names_the_file_in_it(tmp_path: Path) -> None:
    train, folder = write_conversations(tmp_path / "a.jsonl", 4), tmp_path / "chats"
    folder.mkdir()
    told = f"data.validation: {folder} is a folder: name a file with --validation"
    for name, more in (("train.jsonl", ""), ("validation.jsonl", f", such as {folder / 'validation.jsonl'}")):
        write_conversations(folder / name, 2, first=10)
        for trained_on in (train, folder):
            with pytest.raises(PPAIError) as refused:
                read_data(str(trained_on), str(folder), share=0.1, seed=1)
            assert str(refused.value) == told + more


def test_without_a_validation_file_whole_prompts_are_held_out(tmp_path: Path) -> None:
    twice = [
        row(number, messages=[*row(number)["messages"][:2], answer]) for number in range(20) for answer in answers()
    ]
    path = write_rows(tmp_path / "a.jsonl", twice)
    data = read_data(str(path), None, share=0.25, seed=3)
    assert data.held_out and len(data.validation) == 5 * len(ANSWERS) and len(data.train) == 15 * len(ANSWERS)
    prompts = [{str(one.prompt) for one in part} for part in (data.train, data.validation)]
    assert not prompts[0] & prompts[1]
    assert read_data(str(path), None, share=0.25, seed=3) == data != read_data(str(path), None, share=0.25, seed=4)


def split(*sides: str) -> list[dict[str, Any]]:
    return [row(number, **{"split": side} if side else {}) for number, side in enumerate(sides)]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_file_is_split_as_its_own_column_says(tmp_path: Path, suffix: str) -> None:
    rows = split("train", "validation", "train", "train", "validation")
    path = write_rows(tmp_path / "a.jsonl", rows)
    if suffix == ".parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        path = tmp_path / "a.parquet"
        parquet.write_table(arrow.Table.from_pylist(rows), path)
    data = read_data(str(path), None, share=0.5, seed=1)
    assert (
        data.held_out and [one.line for one in data.train] == [1, 3, 4] and data.train[1].messages == row(2)["messages"]
    )
    assert [one.line for one in data.validation] == [2, 5]


def test_a_column_that_names_no_validation_leaves_the_share_to_be_drawn(tmp_path: Path) -> None:
    said, silent = (
        write_rows(tmp_path / name, split(*[side] * 10)) for name, side in (("a.jsonl", "train"), ("b.jsonl", ""))
    )
    data = read_data(str(said), None, share=0.2, seed=1)
    assert len(data.validation) == 2 and data.digest == read_data(str(silent), None, share=0.2, seed=1).digest


@pytest.mark.parametrize(
    ("rows", "validation", "told"),
    [
        (split("train", "", "validation"), False, "a.jsonl:2: split: is missing, and other rows have one"),
        (split("validation", "validation"), False, "a.jsonl: split: all rows say validation, none train"),
        ([*split("train"), row(0, split="validation")], False, "a.jsonl:2: the prompt stands in a.jsonl:1 too, so it"),
        (split("train", "validation"), True, "a.jsonl: has a split of its own, so that b.jsonl cannot judge too"),
    ],
)
def test_a_split_that_cannot_be_kept_is_refused(
    rows: list[dict[str, Any]], validation: bool, told: str, tmp_path: Path
) -> None:
    path, other = write_rows(tmp_path / "a.jsonl", rows), write_rows(tmp_path / "b.jsonl", [row(9)])
    with pytest.raises(PPAIError) as refused:
        read_data(str(path), str(other) if validation else None, share=0.1, seed=1)
    assert str(refused.value).startswith(told)


def answers() -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text} for text in ANSWERS]


def test_a_validation_prompt_that_is_trained_on_is_refused(tmp_path: Path) -> None:
    train = write_conversations(tmp_path / "train.jsonl", 5)
    judged = write_rows(tmp_path / "other.jsonl", [row(9), row(3)])
    with pytest.raises(PPAIError, match=r"^other\.jsonl:2: the prompt stands in train\.jsonl:4 too"):
        read_data(str(train), str(judged), share=0.1, seed=1)


def test_one_prompt_alone_cannot_be_split(tmp_path: Path) -> None:
    path = write_conversations(tmp_path / "a.jsonl", 1)
    with pytest.raises(PPAIError, match="name a validation file"):
        read_data(str(path), None, share=0.1, seed=1)


def test_the_hash_is_of_every_text_and_of_the_sides(tmp_path: Path) -> None:
    def digest(train: list[dict[str, Any]], judged: list[dict[str, Any]]) -> str:
        paths = [write_rows(tmp_path / name, rows) for name, rows in (("a.jsonl", train), ("b.jsonl", judged))]
        return read_data(str(paths[0]), str(paths[1]), share=0.1, seed=1).digest

    rows = [row(number) for number in range(4)]
    other = said(("system", SYSTEM), ("user", "Another"), ("assistant", "Answer"))
    digests = [digest(rows[:3], rows[3:]), digest(rows[:2], rows[2:]), digest([*rows[:2], other], rows[3:])]
    assert len(set(digests)) == 3 and digest(rows[:3], rows[3:]) == digests[0]
    assert digest([one | {"id": "x"} for one in rows[:3]], rows[3:]) == digests[0], "ids are not learned"
