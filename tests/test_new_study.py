"""A study made from a spreadsheet or a dataset, in one command."""

from __future__ import annotations

import builtins
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ppai.errors import MissingPackage, PPAIError, StudyError
from ppai.studyfiles import NewStudy, check_study, new_from_csv, new_from_dataset, new_from_rows, read_study


def csv_study(directory: Path, text: str, name: str = "answers.csv", **options: Any) -> NewStudy:
    path = directory / name
    path.write_bytes(text.encode())
    return new_from_csv(path, directory / "out", **options)


def test_a_spreadsheet_becomes_a_study(tmp_path: Path) -> None:
    made = csv_study(
        tmp_path,
        '\ufeffid,topic,Prompt,base,tuned\r\n7,sleep,"How, then?","line one\r\nline two",yes\r\n8,,Why?,,no\r\n',
    )
    study = read_study(tmp_path / "out")
    assert study == made.study
    assert check_study(tmp_path / "out") == []
    assert (study.name, study.config.system_ids) == ("answers", ("base", "tuned"))
    assert [(prompt.id, prompt.text, prompt.topic) for prompt in study.prompts] == [
        ("7", "How, then?", "sleep"),
        ("8", "Why?", None),
    ]
    assert study.responses[0].text == "line one\nline two"
    assert len(study.pairs) == 1
    assert made.lines() == (
        f"{tmp_path / 'out'}: 2 prompts from the column 'Prompt', 2 systems (base, tuned), 1 pairs",
        "base has no response to 1 prompts, whose cells are empty",
    )


@pytest.mark.parametrize(
    ("columns", "prompt", "systems"),
    [
        ("question,a,b", "question", ("a", "b")),
        ("a,text,b", "text", ("a", "b")),
        ("text,prompt,b", "prompt", ("text", "b")),
        ("post,a,b", "post", ("a", "b")),
        ("id,post,a,b", "post", ("a", "b")),
        (",post,a,b", "post", ("a", "b")),
    ],
)
def test_columns_are_guessed(tmp_path: Path, columns: str, prompt: str, systems: tuple[str, ...]) -> None:
    row = ",".join(str(n) for n, _ in enumerate(columns.split(",")))
    made = csv_study(tmp_path, f"{columns}\n{row}\n")
    assert (made.prompt_column, made.study.config.system_ids) == (prompt, systems)


def test_columns_may_be_named(tmp_path: Path) -> None:
    made = csv_study(tmp_path, "n,q,a,b,title\n1,2,3,4,5\n", prompt_column="q", system_columns=["b", "title"])
    assert made.study.config.system_ids == ("b", "title")
    assert made.ignored == ("n", "a")
    assert made.lines()[-1] == "columns not used: n, a"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.tsv", "prompt\tx\ty\nhow, now\tb\tc\n"),
        ("t.csv", "prompt;x;y\nhow, now;b;c\n"),
        ("t.csv", "prompt|x|y\nhow, now|b|c\n"),
    ],
)
def test_other_separators(tmp_path: Path, name: str, text: str) -> None:
    assert csv_study(tmp_path, text, name).study.prompts[0].text == "how, now"


def test_a_cell_may_be_longer_than_the_csv_module_likes(tmp_path: Path) -> None:
    assert len(csv_study(tmp_path, f"prompt,x,y\np,{'a' * 190_000},b\n").study.responses[0].text) == 190_000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["answers.csv: the table is empty"]),
        ("prompt,x\nq,a\n", ["answers.csv:1: systems: two columns of responses are needed, and there is ['x']"]),
        ("prompt,x,x\nq,a,b\n", ["answers.csv:1: x: the column stands twice"]),
        ("prompt,x,y\nq,a,b,c\n", ["answers.csv:2: the row has 4 cells and the header 3"]),
        ("prompt,x,y\n,a,b\nq,a,b\n", ["answers.csv:2: text: the prompt is empty"]),
        ("id,prompt,x,y\n1,q,a,b\n\n1,r,a,b\n", ["answers.csv:4: id: prompt '1' stands already on line 2"]),
        ("prompt,x,y\nq,a,\nr,,b\n", ["answers.csv: no two systems answered the same prompt"]),
        ('prompt,x,y\n"q,a,b\n', ["answers.csv:2: is not a table: unexpected end of data"]),
        (
            f"prompt,x,y\nq,{'a' * 200_001},b\n",
            ["answers.csv:2: text: is 200,001 bytes long; at most 200,000 are allowed"],
        ),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(tmp_path: Path, text: str, found: list[str]) -> None:
    with pytest.raises(StudyError) as caught:
        csv_study(tmp_path, text)
    assert [str(problem) for problem in caught.value.problems][: len(found)] == found
    assert not (tmp_path / "out").exists()


def test_an_unknown_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"answers\.csv:1: q: there is no such column; there are prompt, x, y"):
        csv_study(tmp_path, "prompt,x,y\n1,2,3\n", prompt_column="q")


def test_a_file_that_is_not_utf8_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"prompt,x,y\ncaf\xe9,a,b\n")
    with pytest.raises(StudyError, match=r"a\.csv:2: is not UTF-8 text"):
        new_from_csv(path, tmp_path / "out")
    with pytest.raises(StudyError, match=r"b\.csv: the file is missing"):
        new_from_csv(tmp_path / "b.csv", tmp_path / "out")


def test_a_directory_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(PPAIError, match="not an empty directory"):
        csv_study(tmp_path, "prompt,x,y\n1,2,3\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def rows_study(directory: Path, rows: Sequence[Mapping[str, Any]], **options: Any) -> NewStudy:
    columns = list(rows[0])
    return new_from_rows(enumerate(rows, start=1), directory, columns=columns, source="rows", name="n", **options)


def test_columns_of_other_kinds_are_no_systems_unless_named(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "a": "x", "b": None, "c": "z", "score": 3, "tags": ["t"]}]
    made = rows_study(tmp_path / "one", rows)
    assert made.study.config.system_ids == ("a", "b", "c")
    assert made.ignored == ("score", "tags")
    assert made.missing == {"a": 0, "b": 1, "c": 0}
    assert rows_study(tmp_path / "two", rows, system_columns=["a", "score"]).study.responses[1].text == "3"


FRAME = pd.DataFrame({"question": ["q1", "q2", "q3"], "base": ["a", "b", "c"], "ft": ["d", None, "f"], "n": [1, 2, 3]})


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The `datasets` package with its cache in a temporary directory."""
    package = pytest.importorskip("datasets")
    for name in ("HF_DATASETS_CACHE", "HF_MODULES_CACHE"):
        monkeypatch.setattr(package.config, name, tmp_path / "cache", raising=False)
    return package


@pytest.mark.parametrize("suffix", ["parquet", "csv", "json", "jsonl"])
def test_local_files_of_a_dataset(tmp_path: Path, datasets: Any, suffix: str) -> None:
    path = tmp_path / f"mine.{suffix}"
    match suffix:
        case "parquet":
            FRAME.to_parquet(path)
        case "csv":
            FRAME.to_csv(path, index=False)
        case _:
            FRAME.to_json(path, orient="records", lines=suffix == "jsonl")
    made = new_from_dataset(str(path), tmp_path / "out")
    assert made.study.name == "mine"
    assert made.study.config.system_ids == ("base", "ft")
    assert made.missing == {"base": 0, "ft": 1}
    assert made.ignored == ("n",)
    assert len(new_from_dataset(str(path), tmp_path / "few", limit=2).study.prompts) == 2


def test_a_local_directory_of_splits(tmp_path: Path, datasets: Any) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    FRAME.to_csv(directory / "train.csv", index=False)
    FRAME.head(1).to_csv(directory / "test.csv", index=False)
    assert len(new_from_dataset(str(directory), tmp_path / "a").study.prompts) == 1
    assert len(new_from_dataset(str(directory), tmp_path / "b", split="train").study.prompts) == 3
    with pytest.raises(PPAIError) as caught:
        new_from_dataset(str(directory), tmp_path / "c", split="dev")
    assert len(str(caught.value).splitlines()) == 1


def test_splits_that_leave_a_choice_are_named(tmp_path: Path, datasets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **options: {"train": None, "dev": None})
    with pytest.raises(PPAIError, match="has the splits train, dev: say which with --split"):
        new_from_dataset("user/name", tmp_path / "out")


def test_a_network_failure_is_one_line(tmp_path: Path, datasets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> Any:
        raise ConnectionError("Couldn't reach the Hub\nlong story")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(PPAIError) as caught:
        new_from_dataset("user/name", tmp_path / "out")
    assert str(caught.value) == "dataset 'user/name' cannot be loaded: Couldn't reach the Hub"


def test_a_missing_package_is_told_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name == "datasets":
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPackage, match=r"pip install 'ppai\[hub\]'"):
        new_from_dataset("user/name", tmp_path / "out")


def test_written_files_are_the_general_layout(tmp_path: Path) -> None:
    csv_study(tmp_path, "prompt,x,y\n1,2,3\n")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "prompts.jsonl",
        "responses.jsonl",
        "study.yaml",
    ]
    assert json.loads((tmp_path / "out/prompts.jsonl").read_text()) == {"id": 1, "text": "1"}


def test_a_split_of_the_name_of_visitors_questions_takes_no_prompt_out_unsaid(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"split: 'live' is for visitors' own questions"):
        csv_study(tmp_path, "prompt,split,x,y\n1,live,2,3\n4,test,5,6\n")
