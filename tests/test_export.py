"""What an export writes: anonymised events, tables, and preference rows for TRL."""

from __future__ import annotations

import json
import sys
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
from rating import answer_text, rating_study
from small_studies import R1, verdict, vote

from ppai.errors import MissingPackage, PPAIError
from ppai.export import Format, anonymised, event_rows, export, preference_rows, table_bytes
from ppai.schema import Arm, Study, Vote, VoteStatus
from ppai.studyfiles import read_study

OVERALL = ("overall",)


def study_with(*votes: Vote, n: int = 3, **config: object) -> Study:
    return rating_study(n, **config).model_copy(update={"votes": votes})


def test_comments_stay_here_unless_they_are_asked_for(tmp_path: Path) -> None:
    study = study_with(vote("p0", "base", "tuned", "a", comment="my name is Ann", reason="r"))
    for table in Format:
        export(anonymised(study), tmp_path / table.value, layout="general", table=table, preferences=True)
        assert not any(b"Ann" in file.read_bytes() for file in (tmp_path / table.value).iterdir())
    assert anonymised(study, comments=True) is study
    assert anonymised(study).votes[0].reason == "r"


def test_the_general_layout_reads_back(tmp_path: Path) -> None:
    study = study_with(
        vote("p0", "base", "tuned", {"overall": "a", "clarity": "tie"}, seconds=1.5),
        vote("p0", "tuned", "base", None, rater="r2", status=VoteStatus.SKIPPED, reason="other"),
        vote("p0", "tuned", "base", "b", repeat=1),
    ).model_copy(update={"verdicts": (verdict("p1", "tuned", "base", None),)})
    said = export(study, tmp_path, layout="general", table=Format.JSONL, preferences=False)
    assert said == ["3 votes, 1 verdicts, 0 assignments"]
    assert read_study(tmp_path) == study
    export(study, tmp_path, layout="general", table=Format.JSONL, preferences=False)
    assert read_study(tmp_path) == study, "over itself, too"


@pytest.mark.parametrize("table", [Format.CSV, Format.PARQUET])
def test_tables_have_a_row_an_event_and_a_column_a_criterion(tmp_path: Path, table: Format) -> None:
    study = study_with(
        vote("p0", "base", "tuned", {"overall": "a", "clarity": "tie"}),
        vote("p1", "tuned", "base", None, status=VoteStatus.SKIPPED, reason='a, "quoted"\nreason'),
    ).model_copy(update={"verdicts": (verdict("p1", "tuned", "base", "b", usage={"tokens": 3, "x": {}}),)})
    export(study, tmp_path, layout="general", table=table, preferences=True)

    def read(name: str) -> pd.DataFrame:
        path = tmp_path / f"{name}.{table.value}"
        return pd.read_csv(path) if table is Format.CSV else pd.read_parquet(path)

    votes, verdicts, preferences = read("votes"), read("verdicts"), read("preferences")
    assert list(votes["outcome_overall"].fillna("-")) == ["a", "-"]
    assert list(votes["outcome_clarity"].fillna("-")) == ["tie", "-"]
    assert list(votes["status"]) == ["submitted", "skipped"] and votes["reason"][1] == 'a, "quoted"\nreason'
    assert json.loads(verdicts["usage"][0]) == {"tokens": 3, "x": {}}
    assert list(preferences["margin"]) == [1.0] and json.loads(preferences["raters"][0]) == [R1]


@pytest.mark.parametrize("table", [Format.CSV, Format.PARQUET])
def test_tables_without_rows_can_be_read(tmp_path: Path, table: Format) -> None:
    export(study_with(), tmp_path, layout="general", table=table, preferences=True)
    for name, column in (("votes", "outcome_overall"), ("verdicts", "judge"), ("preferences", "chosen")):
        path = tmp_path / f"{name}.{table.value}"
        frame = pd.read_csv(path) if table is Format.CSV else pd.read_parquet(path)
        assert len(frame) == 0 and column in frame


def test_jsonl_rows_are_one_object_a_line() -> None:
    rows = event_rows([vote("p0", "base", "tuned", "a"), vote("p1", "base", "tuned", "tie")])
    lines = table_bytes(rows, Format.JSONL).decode().splitlines()
    assert [json.loads(line)["outcome_overall"] for line in lines] == ["a", "tie"]
    assert table_bytes([], Format.JSONL) == b""


def test_without_pyarrow_the_command_that_installs_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "fastparquet", None)
    with pytest.raises(MissingPackage, match="pip install"):
        export(study_with(), tmp_path / "out", layout="general", table=Format.PARQUET, preferences=False)
    assert not (tmp_path / "out").exists(), "nothing was written"


def test_a_preference_has_its_margin_votes_and_raters() -> None:
    study = study_with(
        vote("p0", "base", "tuned", "b", rater="r1"),
        vote("p0", "tuned", "base", "a", rater="r2"),
        vote("p0", "base", "tuned", "a", rater="r3"),
        vote("p0", "base", "tuned", "tie", rater="r4"),
    )
    (row,) = preference_rows(study)
    assert row == {
        "prompt": "What about question 0?",
        "chosen": answer_text("p0", "tuned"),
        "rejected": answer_text("p0", "base"),
        "criterion": "overall",
        "margin": 0.25,
        "n_votes": 4,
        "raters": ["r1", "r2", "r3", "r4"],
        "prompt_id": "p0",
        "chosen_system": "tuned",
        "rejected_system": "base",
        "arm": "as_is",
    }


def test_even_pairs_and_ties_prefer_nothing() -> None:
    even = (vote("p0", "base", "tuned", "a", rater="r1"), vote("p0", "base", "tuned", "b", rater="r2"))
    assert preference_rows(study_with(*even, vote("p1", "base", "tuned", "tie"))) == []


def test_repeats_skips_and_void_votes_do_not_count() -> None:
    study = study_with(
        vote("p0", "base", "tuned", "a", rater="r1", revision=1),
        vote("p0", "base", "tuned", None, rater="r1", revision=2, status=VoteStatus.VOID),
        vote("p0", "base", "tuned", "b", rater="r1", revision=3),
        vote("p0", "tuned", "base", "b", rater="r1", repeat=1),
        vote("p1", "base", "tuned", "a", rater="r1", revision=1),
        vote("p1", "base", "tuned", None, rater="r1", revision=2, status=VoteStatus.VOID),
        vote("p2", "base", "tuned", None, rater="r1", status=VoteStatus.SKIPPED, reason="other"),
    )
    (row,) = preference_rows(study)
    assert (row["chosen_system"], row["n_votes"], row["margin"]) == ("tuned", 1, 1.0)


def test_arms_and_criteria_have_rows_of_their_own() -> None:
    study = study_with(
        vote("p0", "base", "tuned", {"overall": "a", "clarity": "b"}),
        vote("p0", "base", "tuned", {"overall": "b"}, rater="r2", arm=Arm.PLAIN),
    )
    found = {(row["arm"], row["criterion"]): row["chosen_system"] for row in preference_rows(study)}
    assert found == {("as_is", "overall"): "base", ("as_is", "clarity"): "tuned", ("plain", "overall"): "tuned"}
    assert {row["criterion"] for row in preference_rows(study, criteria=OVERALL)} == {"overall"}


def test_more_than_two_systems_are_compared_in_pairs() -> None:
    study = study_with(vote("p0", "y", "base", "a"), vote("p0", "x", "y", "b"), systems=("base", "x", "y"))
    assert {(row["chosen_system"], row["rejected_system"]) for row in preference_rows(study)} == {
        ("y", "base"),
        ("y", "x"),
    }


def test_what_a_replaced_study_has_no_more_is_left_out_and_said(tmp_path: Path) -> None:
    study = study_with(
        vote("p0", "base", "tuned", "a"),
        vote("p1", "base", "tuned", {"overall": "b", "old": "a"}),
        vote("gone", "base", "tuned", "a"),
        vote("p0", "base", "old", "b"),
    ).model_copy(
        update={"verdicts": (verdict("gone", "base", "tuned", "a"), verdict("p0", "base", "tuned", "a", judge="k"))}
    )
    said = export(study, tmp_path, layout="general", table=Format.CSV, preferences=True)
    assert any(line.startswith("2 votes left out") for line in said)
    assert any(line.startswith("1 verdicts left out") for line in said)
    files = read_study(tmp_path)
    assert len(files.votes) == 2 and len(files.verdicts) == 1
    assert "old" not in files.votes[1].outcomes
    assert len(preference_rows(study)) == 2, "votes on what is gone prefer nothing"


def test_the_published_layout_refuses_more_than_two_systems_and_writes_nothing(tmp_path: Path) -> None:
    study = study_with(systems=("base", "x", "y"))
    with pytest.raises(PPAIError, match="two systems"):
        export(study, tmp_path / "out", layout="published", table=Format.CSV, preferences=True)
    assert not (tmp_path / "out").exists()


def test_the_published_layout_counts_what_it_has_no_place_for(tmp_path: Path) -> None:
    study = study_with(vote("p0", "base", "tuned", "a")).model_copy(
        update={"verdicts": (verdict("p0", "base", "tuned", "a"), verdict("p1", "base", "tuned", None))}
    )
    said = export(study, tmp_path, layout="published", table=Format.JSONL, preferences=True)
    assert any(line.startswith("1 unscored") for line in said) and any(line.startswith("1 votes") for line in said)
    assert said[-1] == "1 preference rows"
    assert len(read_study(tmp_path).verdicts) == 1


def test_a_table_survives_any_extra_value() -> None:
    rows = event_rows([vote("p0", "base", "tuned", "a", extra_list=[1, "x"], odd={"a": None})])
    frame = pd.read_parquet(BytesIO(table_bytes(rows, Format.PARQUET)))
    assert frame["extra_list"][0] == '[1,"x"]'
