"""The published layout: read as the original study was shared, and written back the same."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.report import summarise
from ppai.digest import texts_digest
from ppai.errors import PPAIError, StudyError
from ppai.frames import verdict_frame, vote_frame
from ppai.schema import (
    DEFAULT_CRITERIA,
    Arm,
    Criterion,
    Outcome,
    Prompt,
    Response,
    Study,
    StudyConfig,
    System,
    Verdict,
    Vote,
)
from ppai.studyfiles import check_study, read_study, write_general, write_published
from ppai.studyfiles.pairs import study_pairs

KEYS = [criterion.key for criterion in DEFAULT_CRITERIA]


def write_files(directory: Path, parts: tuple[str, ...] = ("base", "ft"), config: str | None = None) -> Path:
    prompts = [{"id": n, "text": f"t{n}", "title": "T", "prompt_ntokens_mistral": n} for n in (1, 2, 3)]
    files = {"s_test_samples.jsonl": prompts}
    for part in parts:
        added = [{"user_prompt": row["text"], "ai_answer": f"{part}{row['id']}"} for row in prompts]
        files[f"s_test_samples_{part}_response.jsonl"] = [a | b for a, b in zip(prompts, added, strict=True)]
    for name, rows in files.items():
        (directory / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    if config is not None:
        (directory / "study.yaml").write_text(config)
    return directory


def write_judge(directory: Path, name: str, winners: list[list[str]], keys: list[str] = KEYS) -> None:
    rows = [[*row, f"why, {n}", n] for n, row in enumerate(winners, start=1)]
    frame = pd.DataFrame(rows, columns=[*(f"winner_{key}" for key in keys), "justification", "id"])
    frame.to_csv(directory / f"{name}_judge_output.csv")


def test_the_published_study_is_read(published_study: Path) -> None:
    assert check_study(published_study) == []
    study = read_study(published_study)
    assert study.config.system_ids == ("base", "finetuned")
    assert study.config.reference_id == "base"
    assert Counter(Counter(prompt.topic for prompt in study.prompts).values()) == {5: 20}
    assert study.prompts[0].extra == {"prompt_ntokens_mistral": 158}
    assert {(v.judge, v.named, v.system_a, v.system_b) for v in study.verdicts} == {
        ("gpt-4o", True, "base", "finetuned")
    }
    relatability = Counter(verdict.outcomes["relatability"] for verdict in study.verdicts)
    assert relatability == {Outcome.B: 98, Outcome.A: 2}


def test_the_published_study_is_written_back_to_the_byte(published_study: Path, tmp_path: Path) -> None:
    study = read_study(published_study)
    report = write_published(study, tmp_path / "published_study", stem="reddit_gpt_test_samples")
    assert report.lines() == ()
    originals = sorted(path for path in published_study.iterdir() if path.name != "LICENSE")
    assert sorted(path.name for path in report.files) == [path.name for path in originals]
    for original in originals:
        written = tmp_path / "published_study" / original.name
        if original.suffix == ".csv":
            pd.testing.assert_frame_equal(pd.read_csv(written), pd.read_csv(original))
        else:
            pd.testing.assert_frame_equal(pd.read_json(written, lines=True), pd.read_json(original, lines=True))
        assert written.read_bytes() == original.read_bytes()
    assert read_study(tmp_path / "published_study") == study


def test_the_published_study_passes_through_the_general_layout(published_study: Path, tmp_path: Path) -> None:
    study = read_study(published_study)
    write_general(study, tmp_path / "general")
    assert read_study(tmp_path / "general") == study


def test_systems_are_named_by_their_files(tmp_path: Path) -> None:
    study = read_study(write_files(tmp_path, ("zeta", "base", "openai%3Agpt")))
    assert study.config.system_ids == ("base", "openai:gpt", "zeta")
    assert {response.text for response in study.responses if response.system == "openai:gpt"} == {
        "openai%3Agpt1",
        "openai%3Agpt2",
        "openai%3Agpt3",
    }


def test_study_yaml_may_say_otherwise(tmp_path: Path) -> None:
    config = "name: N\nreference: ft\nsystems: [{id: ft, name: Tuned}, {id: base}]\n"
    write_judge(write_files(tmp_path, config=config), "j", [["System A"] * 7, ["Tie"] * 7, ["System B"] * 7])
    study = read_study(tmp_path)
    assert (study.name, study.config.system_ids, study.config.systems[0].label) == ("N", ("ft", "base"), "Tuned")
    assert {(verdict.system_a, verdict.system_b) for verdict in study.verdicts} == {("ft", "base")}


def test_a_short_name_and_its_long_one_may_both_be_systems(tmp_path: Path) -> None:
    study = small([], ("ft", "finetuned"))
    write_published(study, tmp_path)
    assert {response.system for response in read_study(tmp_path).responses} == {"ft", "finetuned"}


def test_files_of_both_names_are_what_they_say(tmp_path: Path) -> None:
    study = read_study(write_files(tmp_path, ("ft", "finetuned"), config="systems: [{id: ft}, {id: finetuned}]\n"))
    assert {(response.system, response.text) for response in study.responses if response.prompt_id == "1"} == {
        ("ft", "ft1"),
        ("finetuned", "finetuned1"),
    }


def test_base_is_the_reference_wherever_it_is_listed(tmp_path: Path) -> None:
    study = read_study(write_files(tmp_path, config="systems: [{id: finetuned}, {id: base}]\n"))
    assert study.config.reference_id == "base"


def test_blank_winners_are_missing_and_a_blank_row_is_unscored(tmp_path: Path) -> None:
    rows = [["System A", "", "NaN", *["Tie"] * 4], [""] * 7, ["System B"] * 7]
    write_judge(write_files(tmp_path), "gpt%2F4", rows)
    first, second, third = read_study(tmp_path).verdicts
    assert (first.judge, first.named, first.justification) == ("gpt/4", False, "why, 1")
    assert first.outcomes == dict.fromkeys(KEYS[3:], Outcome.TIE) | {KEYS[0]: Outcome.A}
    assert second.unscored and not second.outcomes
    assert set(third.outcomes.values()) == {Outcome.B}


def test_faults_of_the_published_layout(tmp_path: Path) -> None:
    write_files(tmp_path)
    write_judge(tmp_path, "good", [["System A"] * 7] * 4)
    write_judge(tmp_path, "odd", [["System C", *["tie"] * 6]])
    write_judge(tmp_path, "short", [["System A", "Tie"]], ["overall", "taste"])
    (tmp_path / "noid_judge_output.csv").write_text(",".join(f"winner_{key}" for key in KEYS) + "\n" + ",".join("ABC"))
    (tmp_path / "wide_judge_output.csv").write_text("id\n1,2\n")
    answers = tmp_path / "s_test_samples_ft_response.jsonl"
    answers.write_text(answers.read_text() + '{"id": 9, "ai_answer": "x"}\n{"ai_answer": "x"}\n{"id": 3}\n')
    found = [str(problem) for problem in check_study(tmp_path)]
    for line in (
        "s_test_samples_ft_response.jsonl:4: prompt_id: no prompt has the id '9'",
        "s_test_samples_ft_response.jsonl:5: id: is missing",
        "s_test_samples_ft_response.jsonl:6: ai_answer: is missing",
        "good_judge_output.csv:5: prompt_id: no prompt has the id '4'",
        "odd_judge_output.csv:2: winner_helpfulness: must be System A, System B or Tie, not 'System C'",
        "odd_judge_output.csv:2: winner_overall: must be System A, System B or Tie, not 'tie'",
        "short_judge_output.csv:1: winner_clarity: the column is missing",
        "short_judge_output.csv:1: winner_taste: is not one of the study's criteria",
        "noid_judge_output.csv:1: id: the column is missing",
        "wide_judge_output.csv:2: the row has 2 cells and the header 1",
    ):
        assert line in found
    with pytest.raises(StudyError):
        read_study(tmp_path)


def test_missing_and_surplus_files_are_named(tmp_path: Path) -> None:
    write_files(tmp_path, ("base",), config="systems: [{id: base}, {id: other}]\n")
    assert [str(problem) for problem in check_study(tmp_path)] == [
        "s_test_samples_other_response.jsonl: the file of 'other' is missing",
    ]
    (tmp_path / "study.yaml").unlink()
    write_files(tmp_path)
    shutil.copy(tmp_path / "s_test_samples.jsonl", tmp_path / "t_test_samples.jsonl")
    assert [str(problem) for problem in check_study(tmp_path)] == [
        "t_test_samples.jsonl: a second file of prompts beside s_test_samples.jsonl; a study has one"
    ]


def test_a_table_of_two_cannot_judge_three(tmp_path: Path) -> None:
    write_judge(write_files(tmp_path, ("base", "ft", "third")), "j", [["Tie"] * 7])
    assert [str(problem) for problem in check_study(tmp_path)] == [
        "j_judge_output.csv: compares two systems, System A and System B, and the study has 3"
    ]


def small(verdicts: list[dict[str, Any]], systems: tuple[str, ...] = ("base", "finetuned"), **config: Any) -> Study:
    full = StudyConfig(
        name="small", systems=tuple(System(id=s) for s in systems), criteria=DEFAULT_CRITERIA[-2:], **config
    )
    prompts = tuple(Prompt(id=str(n), text=f"t{n}") for n in range(1, 6))
    responses = tuple(Response(prompt_id=p.id, system=s, text="r") for p in prompts for s in systems)
    return Study(
        config=full,
        prompts=prompts,
        responses=responses,
        pairs=study_pairs(full, prompts, responses),
        verdicts=tuple(Verdict(**verdict) for verdict in verdicts),
    )


def verdict(prompt: int, order: str = "bf", outcome: str | None = "a", **more: Any) -> dict[str, Any]:
    names = {"b": "base", "f": "finetuned"}
    outcomes = {"outcomes": {"adoptability": outcome, "overall": "tie"}} if outcome else {"unscored": "unreadable"}
    sides = {"system_a": names[order[0]], "system_b": names[order[1]]}
    return {"judge": "j", "prompt_id": prompt, "justification": order} | sides | outcomes | more


def test_orders_are_merged_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    by_prompt = (
        [verdict(1), verdict(1, "fb", "b")],
        [verdict(2), verdict(2, "fb", "a")],
        [verdict(3), verdict(3, "fb", None)],
        [verdict(4, outcome=None), verdict(4, "fb", None)],
        [verdict(5, "fb", "a"), verdict(5, sample=1), verdict(5, arm=Arm.PLAIN)],
    )
    study = small([row for rows in by_prompt for row in rows])
    vote = Vote(vote_id="v", prompt_id="1", system_a="base", system_b="finetuned", rater="r")
    report = write_published(study.model_copy(update={"votes": (vote,)}), tmp_path)
    assert report.lines() == (
        "3 unscored verdicts left out",
        "2 pairs left out because only one of their two orders has outcomes",
        "1 outcomes on which the two orders disagreed, written as Tie",
        "1 votes left out: this layout has no place for them",
    )
    table = pd.read_csv(tmp_path / "j_judge_output.csv", index_col=0)
    assert list(table.columns) == ["winner_adoptability", "winner_overall", "justification", "id"]
    assert table["id"].tolist() == [1, 2]
    assert table["winner_adoptability"].tolist() == ["System A", "Tie"]
    assert table["winner_overall"].tolist() == ["Tie", "Tie"]
    assert table["justification"].tolist() == ["bf", "bf"]
    for further in ("j@as_is@1", "j@plain@0"):
        assert pd.read_csv(tmp_path / f"{further}_judge_output.csv", index_col=0)["id"].tolist() == [5]


def test_a_judge_of_one_order_is_written_as_it_is(tmp_path: Path) -> None:
    report = write_published(small([verdict(1), verdict(2, "fb", "a"), verdict(3, outcome=None)]), tmp_path)
    assert report.lines() == ("1 unscored verdicts left out",)
    table = pd.read_csv(tmp_path / "j_judge_output.csv", index_col=0)
    assert table["winner_adoptability"].tolist() == ["System A", "System B"]
    assert table["justification"].fillna("").tolist() == ["bf", ""]


def test_verdicts_on_earlier_texts_are_left_out_as_the_report_leaves_them_out(tmp_path: Path) -> None:
    now, then = texts_digest("t1", "r", "r"), texts_digest("t1", "r", "an earlier answer")
    study = small([verdict(1, texts=now), verdict(2, "fb", texts=then), verdict(3, texts=then) | {"judge": "old"}])
    assert write_published(study, tmp_path).lines() == (
        "2 verdicts left out: given on other texts than the study has now",
    )
    assert pd.read_csv(tmp_path / "j_judge_output.csv", index_col=0)["id"].tolist() == [1]
    assert not (tmp_path / "old_judge_output.csv").exists()
    found = summarise(study, vote_frame((), study.config.keys), verdict_frame(study.verdicts, study.config.keys))
    assert found.n_outdated == 2


def test_a_verdict_of_the_plain_arm_is_on_flattened_texts(tmp_path: Path) -> None:
    study = small([verdict(1, arm=Arm.PLAIN, texts=texts_digest("t1", "Try it.", "Try it."))])
    listed = tuple(response.model_copy(update={"text": "**Try** it."}) for response in study.responses)
    assert write_published(study.model_copy(update={"responses": listed}), tmp_path).outdated == 0
    as_is = study.verdicts[0].model_copy(update={"arm": Arm.AS_IS})
    changed = study.model_copy(update={"responses": listed, "verdicts": (as_is,)})
    assert write_published(changed, tmp_path / "as_is").outdated == 1


def test_pairs_and_criteria_of_one_order_are_left_out_as_the_report_leaves_them_out(tmp_path: Path) -> None:
    only = {"outcomes": {"overall": "a"}}
    study = small(
        [
            *(verdict(1), verdict(1, "fb", "b")),
            verdict(2),
            *(verdict(3), verdict(3, "fb") | {"outcomes": {"overall": "tie"}}),
            *(verdict(4, "fb") | only, verdict(4, outcome=None)),
            *(verdict(5) | only, verdict(5, "fb") | {"outcomes": {"adoptability": "a"}}),
        ]
    )
    report = write_published(study, tmp_path)
    assert (report.one_order, report.one_order_outcomes, report.conflicts) == (3, 1, 0)
    table = pd.read_csv(tmp_path / "j_judge_output.csv", index_col=0)
    assert table["id"].tolist() == [1, 3]
    found = summarise(study, vote_frame((), study.config.keys), verdict_frame(study.verdicts, study.config.keys))
    for key, written in (("adoptability", ["System A", ""]), ("overall", ["Tie", "Tie"])):
        assert table[f"winner_{key}"].fillna("").tolist() == written
        reported = found.criteria[key]["judge:j"].rates
        words = [word for word in written if word]
        assert reported.n == len(words)
        assert reported.shares["base"].estimate == pytest.approx(words.count("System A") / len(words))


def test_arms_and_samples_are_files_of_their_own_and_read_back_apart(tmp_path: Path) -> None:
    runs = [(Arm.AS_IS, 0, "a"), (Arm.AS_IS, 3, "b"), (Arm.PLAIN, 0, "tie"), (Arm.PLAIN, 12, "a")]
    study = small(
        [
            verdict(1, outcome=outcome, arm=arm, sample=n, judge=judge)
            for judge in ("j@x", "j")
            for arm, n, outcome in runs
        ]
        + [verdict(2, arm=Arm.PLAIN, sample=1, judge="gpt-4o", named=True)]
    )
    files = {path.name for path in write_published(study, tmp_path).files if path.suffix == ".csv"}
    assert {"j_judge_output.csv", "j@plain@12_judge_output.csv", "j%40x@as_is@3_judge_output.csv"} <= files
    assert "pretendparentai_gpt_as@plain@1_judge_output.csv" in files and len(files) == 9
    read = read_study(tmp_path).verdicts
    assert sorted(read, key=repr) == sorted(study.verdicts, key=repr)
    columns = [pd.read_csv(tmp_path / name).columns.tolist() for name in files]
    assert columns == [["Unnamed: 0", "winner_adoptability", "winner_overall", "justification", "id"]] * 9


def test_what_looks_like_a_further_run_and_is_none_stays_a_name(tmp_path: Path) -> None:
    for name in ("a@b", "a@plain", "a@plain@01", "a@sideways@1", "@plain@1"):
        write_judge(write_files(tmp_path), name, [["Tie"] * 7])
    read = read_study(tmp_path).verdicts
    assert {v.judge for v in read} == {"a@b", "a@plain", "a@plain@01", "a@sideways@1", "@plain@1"}
    assert {(v.arm, v.sample) for v in read} == {(Arm.AS_IS, 0)}


def test_a_table_beside_the_same_judges_verdicts_is_not_read_a_second_time(tmp_path: Path) -> None:
    rows = [
        *(verdict(prompt, order, judge=judge) for judge in ("j", "k") for prompt in (1, 2) for order in ("bf", "fb")),
        verdict(1, arm=Arm.PLAIN, judge="j"),
    ]
    write_published(small(rows), tmp_path)
    assert len(read_study(tmp_path).verdicts) == 5, "two prompts of two judges, and the plain one"
    lines = [
        Verdict(**row).model_dump_json(exclude_defaults=True)
        for row in rows
        if row["judge"] == "j" and "arm" not in row
    ]
    (tmp_path / "verdicts.jsonl").write_text("\n".join(lines) + "\n")
    assert check_study(tmp_path) == []
    read = read_study(tmp_path).verdicts
    assert Counter((v.judge, v.arm.value, v.system_a) for v in read) == {
        ("j", "as_is", "base"): 2,
        ("j", "as_is", "finetuned"): 2,
        ("j", "plain", "base"): 1,
        ("k", "as_is", "base"): 2,
    }


def test_more_than_two_systems_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="holds two systems, and 'small' has 3"):
        write_published(small([], ("x", "y", "z")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_files_of_another_study_are_not_mixed_in(tmp_path: Path) -> None:
    write_files(tmp_path)
    with pytest.raises(PPAIError, match="does not belong to this study"):
        write_published(small([]), tmp_path)


def test_the_stem_must_end_as_the_layout_asks(tmp_path: Path) -> None:
    for stem in ("posts", "../x_test_samples"):
        with pytest.raises(PPAIError, match="test_samples"):
            write_published(small([]), tmp_path, stem=stem)


ODD_NAMES = [
    "openai:gpt-4o",
    "local:/models/x",
    "ft",
    "finetuned",
    "gpt-4o",
    "pretendparentai_gpt_as",
    "..",
    "a b",
    "ü%",
]
names = st.sampled_from(ODD_NAMES) | st.text("aZ9._-% /\\:é", min_size=1, max_size=12)
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)


@settings(max_examples=150, deadline=None)
@given(
    systems=st.lists(names, min_size=2, max_size=2, unique=True),
    judges=st.lists(names, max_size=3, unique=True),
    answers=st.lists(texts, min_size=2, max_size=2),
    reasons=st.lists(texts.filter(bool) | st.none(), min_size=3, max_size=3),
    outcome=st.sampled_from(Outcome),
    reference=st.integers(0, 1),
    title=st.none() | texts,
)
def test_what_the_layout_can_hold_reads_back_the_same(
    systems: list[str],
    judges: list[str],
    answers: list[str],
    reasons: list[str | None],
    outcome: Outcome,
    reference: int,
    title: str | None,
) -> None:
    config = StudyConfig(
        name="odd",
        reference=systems[reference],
        systems=tuple(System(id=system) for system in systems),
        criteria=(Criterion(key="taste", question="Which?"),),
    )
    prompts = (Prompt(id="p", text="a/b", title=title, tokens=3),)
    responses = tuple(
        Response(prompt_id="p", system=system, text=text) for system, text in zip(systems, answers, strict=True)
    )
    verdicts = tuple(
        Verdict(
            judge=judge,
            prompt_id="p",
            system_a=systems[reference],
            system_b=systems[1 - reference],
            outcomes={"taste": outcome},
            justification=reason,
        )
        for judge, reason in zip(judges, reasons, strict=False)
    )
    pairs = study_pairs(config, prompts, responses)
    study = Study(config=config, prompts=prompts, responses=responses, pairs=pairs, verdicts=verdicts)
    with tempfile.TemporaryDirectory() as directory:
        write_published(study, Path(directory))
        read = read_study(Path(directory))
    assert read.model_dump(exclude={"verdicts", "responses"}) == study.model_dump(exclude={"verdicts", "responses"})
    assert sorted(read.responses, key=lambda row: row.system) == sorted(responses, key=lambda row: row.system)
    assert sorted(read.verdicts, key=lambda row: row.judge) == sorted(verdicts, key=lambda row: row.judge)
