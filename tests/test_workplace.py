"""A study directory and its store: what a verb adds to the one stands in the other, and reading changes nothing."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rating import rating_study
from small_studies import verdict, vote

from ppai.errors import PPAIError, StoreError, StudyChanged, StudyError
from ppai.schema import Scores, Verdict
from ppai.store.sql import SqlStore
from ppai.studyfiles import read_study, write_general
from ppai.workplace import LEDGER, Workplace, open_workplace

ITEM = "f" * 64


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("PPAI_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    study = rating_study(2).model_copy(
        update={"votes": (vote("p0", "base", "tuned", "a"),), "verdicts": (told("p0", "by hand"),)}
    )
    write_general(study, tmp_path / "study")
    return tmp_path / "study"


def told(prompt: str, judge: str = "j", item: str | None = None, outcome: str = "a") -> Verdict:
    return verdict(
        prompt, "base", "tuned", outcome, judge=judge, item=item, created_at=datetime(2026, 1, 2, tzinfo=UTC)
    )


def save(place: Workplace, *verdicts: Verdict) -> None:
    with place.store.judging(place.name) as work:
        work.save(verdicts)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_opening_and_looking_changes_nothing(directory: Path) -> None:
    before = names(directory)
    place = open_workplace(str(directory))
    assert (place.name, len(place.study.pairs), place.study.votes, place.study.verdicts) == ("rated", 2, (), ())
    assert place.verdicts_of("by hand") == [told("p0", "by hand")] and place.verdicts_of("j") == []
    assert names(directory) == before
    place.close()


def test_what_a_judge_gave_is_added_to_the_file_and_the_rest_is_kept(directory: Path) -> None:
    place = open_workplace(str(directory))
    save(place, told("p1", item=ITEM), told("p0", item="e" * 64))
    assert place.write_verdicts() == directory / "verdicts.jsonl"
    assert read_study(directory).verdicts == (told("p0", "by hand"), told("p0", item="e" * 64), told("p1", item=ITEM))
    assert len(read_study(directory).votes) == 1
    place.close()


def test_what_is_stored_is_known_before_the_file_says_so_and_what_the_file_says_without_a_store(
    directory: Path,
) -> None:
    place = open_workplace(str(directory))
    save(place, told("p1", item=ITEM))
    place.close()
    killed = open_workplace(str(directory))
    assert killed.verdicts_of("j") == [told("p1", item=ITEM)]
    killed.store  # noqa: B018 - opened
    killed.write_verdicts()
    killed.close()
    for path in directory.glob(f"{LEDGER}*"):
        path.unlink()
    again = open_workplace(str(directory))
    assert again.verdicts_of("j") == [told("p1", item=ITEM)] and LEDGER not in names(directory)
    with again.store.judging("rated") as work:
        assert work.stored([ITEM]) == {ITEM: told("p1", item=ITEM)}
    again.close()


def test_of_the_file_and_the_store_the_newer_verdict_stands(directory: Path) -> None:
    hours = [datetime(2026, 5, 1, hour, tzinfo=UTC) for hour in range(3)]
    older, newer, newest = (
        told("p1", item=digit * 64).model_copy(update={"created_at": when})
        for digit, when in zip("abc", hours, strict=True)
    )
    place = open_workplace(str(directory))
    save(place, older)
    place.write_verdicts()
    save(place, newer)
    place.close()
    killed = open_workplace(str(directory))
    killed.store  # noqa: B018 - opened
    assert killed.verdicts_of("j") == [newer], "the file was left behind by a killed run"
    killed.write_verdicts()
    killed.close()
    text = (directory / "verdicts.jsonl").read_text("utf-8")
    (directory / "verdicts.jsonl").write_text(
        "".join(line for line in text.splitlines(True) if '"p1"' not in line)
        + newest.model_dump_json(exclude_defaults=True)
        + "\n",
        "utf-8",
    )
    brought = open_workplace(str(directory))
    brought.write_verdicts()
    assert brought.verdicts_of("j") == [newest] and newest in read_study(directory).verdicts
    brought.close()


def test_a_directory_that_changed_is_judged_as_it_is_now(directory: Path) -> None:
    place = open_workplace(str(directory))
    save(place, told("p1", item=ITEM), told("p0", item="e" * 64))
    place.close()
    lines = (directory / "responses.jsonl").read_text("utf-8").splitlines()
    lines[0] = json.dumps(json.loads(lines[0]) | {"text": "other"})
    (directory / "responses.jsonl").write_text("\n".join(line for line in lines if '"p1"' not in line) + "\n", "utf-8")
    now = open_workplace(str(directory))
    assert [pair.prompt_id for pair in now.store.study("rated").pairs] == ["p0"]
    now.write_verdicts()
    assert [one.prompt_id for one in read_study(directory).verdicts] == ["p0", "p0"], "what is gone is not written"
    assert len(now.verdicts_of("j")) == 2, "and stays stored"
    now.close()


def test_a_named_store_takes_the_whole_study_and_refuses_another_of_its_name(directory: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'app.db'}"
    place = open_workplace(str(directory), database=url)
    assert place.verdicts_of("j") == [] and not (tmp_path / "app.db").exists()
    save(place, told("p1", item=ITEM))
    place.write_verdicts()
    place.close()
    assert LEDGER not in names(directory)
    store = SqlStore(url)
    assert len(store.events("rated").votes) == 1
    assert store.load(read_study(directory)).unchanged, "loading it afterwards needs no --replace"
    (directory / "study.yaml").write_text((directory / "study.yaml").read_text("utf-8") + "overlap: 9\n", "utf-8")
    other = open_workplace(str(directory), database=url)
    with pytest.raises(StudyChanged, match=f"ppai study load {directory} --replace --database {url}$"):
        other.store  # noqa: B018
    other.close()
    store.close()


def test_the_environment_names_the_store(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PPAI_DATABASE_URL", f"sqlite:///{tmp_path / 'var' / 'x.db'}")
    place = open_workplace(str(directory))
    assert place.store.study("rated").name == "rated" and (tmp_path / "var" / "x.db").exists()
    place.close()


def test_a_store_is_a_place_without_files(directory: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'app.db'}"
    store = SqlStore(url)
    store.load(read_study(directory))
    place = open_workplace(url)
    save(place, told("p1", item=ITEM))
    assert place.directory is None and place.write_verdicts() is None and place.write_scores() is None
    assert place.write_verdicts(tmp_path / "out.jsonl") == tmp_path / "out.jsonl"
    assert json.loads((tmp_path / "out.jsonl").read_text("utf-8"))["item"] == ITEM
    assert place.verdicts_of("by hand") == [told("p0", "by hand")]
    place.close()
    store.close()


def test_scores_are_written_beside_the_study(directory: Path) -> None:
    place = open_workplace(str(directory))
    place.store.set_scores("rated", Scores(name="m", systems={"base": {"bleu": {"estimate": 0.5}}}))
    assert place.write_scores() == directory / "scores.jsonl"
    assert [one.name for one in read_study(directory).scores] == ["m"]
    place.close()


def test_what_cannot_be_opened_or_written_is_one_error(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such directory"):
        open_workplace("nowhere")
    with pytest.raises(StoreError, match="no such store"):
        open_workplace("sqlite:///none.db")
    with pytest.raises(PPAIError, match="--study"):
        open_workplace(str(directory), "other")
    place = open_workplace(str(directory))
    with pytest.raises(PPAIError, match="is not a file"):
        place.check_target(tmp_path / "none" / "x.jsonl")
    (tmp_path / "bad.jsonl").write_text("{}\n")
    with pytest.raises(StudyError, match=r"bad.jsonl:1"):
        place.check_target(tmp_path / "bad.jsonl")
    place.check_target(tmp_path / "new.jsonl")
    place.close()
