"""What `ppai study check` finds: every fault, where it stands, and never an exception."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppai.errors import StudyError
from ppai.studyfiles import Problem, check_study, read_study

VOTE = {"prompt_id": 1, "system_a": "x", "system_b": "y", "rater": "r", "outcomes": {"overall": "a"}}
VERDICT = {"judge": "j", "prompt_id": 1, "system_a": "x", "system_b": "y", "outcomes": {"overall": "a"}}


def study(directory: Path, config: str | None = None, **files: list[Any]) -> Path:
    """A right study in which the given files are replaced; a line is a value, or text as it stands."""
    contents: dict[str, list[Any]] = {
        "prompts": [{"id": 1, "text": "one"}, {"id": 2, "text": "two"}],
        "responses": [{"prompt_id": p, "system": s, "text": "t"} for p, s in [(1, "x"), (1, "y"), (2, "x")]],
    } | files
    for name, rows in contents.items():
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (directory / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    if config is not None:
        (directory / "study.yaml").write_text(config)
    return directory


def said(directory: Path) -> list[str]:
    return [str(problem) for problem in check_study(directory)]


def test_a_problem_is_one_line_with_its_place() -> None:
    assert str(Problem("f", 3, "text", "is missing")) == "f:3: text: is missing"
    assert str(Problem("f", 0, "", "the file is missing")) == "f: the file is missing"
    assert str(Problem("f", 1, "a\nb", "c\x1bd")) == "f:1: a\\nb: c\\x1bd"


def test_a_right_study_has_none(tmp_path: Path) -> None:
    assert said(study(tmp_path)) == []


def test_every_fault_is_found_at_once(tmp_path: Path) -> None:
    study(
        tmp_path,
        "systems: [{id: x}, {id: y}]\n",
        prompts=[{"id": 1, "text": "one"}, {"id": 1, "text": "again"}, {"text": "no id"}, "{bad", "[1]"],
        responses=[
            {"prompt_id": 1, "system": "x", "text": "t"},
            {"prompt_id": 1, "system": "y", "text": "t"},
            {"prompt_id": 1, "system": "y", "text": "t"},
            {"prompt_id": 9, "system": "y", "text": "t"},
            {"prompt_id": 1, "system": "q", "text": "t"},
            {"prompt_id": 1, "system": "x"},
        ],
        votes=[
            VOTE | {"vote_id": "v1"},
            VOTE | {"vote_id": "v1", "rater": "r2"},
            VOTE | {"vote_id": "v3", "system_a": "y", "system_b": "x"},
            VOTE | {"vote_id": "v4", "system_b": "x"},
            VOTE | {"vote_id": "v5", "rater": "r5", "outcomes": {"overall": "left", "taste": "a"}},
            VOTE | {"vote_id": "v6", "rater": "r6", "outcomes": {"taste": "a"}},
            VOTE | {"vote_id": "v7", "rater": "r7", "prompt_id": 8},
        ],
    )
    expected = """\
prompts.jsonl:2: id: prompt '1' stands already on line 1
prompts.jsonl:3: id: is missing
prompts.jsonl:4: is not JSON: Expecting property name enclosed in double quotes at column 2
prompts.jsonl:5: must be a JSON object, not a list
responses.jsonl:3: prompt_id: the response of 'y' to prompt '1' stands already on line 2
responses.jsonl:4: prompt_id: no prompt has the id '9'
responses.jsonl:5: system: 'q' is not one of the systems in study.yaml
responses.jsonl:6: text: is missing
responses.jsonl:6: prompt_id: the response of 'x' to prompt '1' stands already on line 1
votes.jsonl:2: vote_id: vote 'v1' stands already on line 1
votes.jsonl:3: rater: a vote of this rater with this pair, arm, repeat and revision stands already on line 1
votes.jsonl:4: system_b: a vote of a system against itself
votes.jsonl:5: outcomes.overall: must be 'a', 'b' or 'tie', not 'left'
votes.jsonl:6: outcomes.taste: is not one of the study's criteria
votes.jsonl:7: prompt_id: no prompt has the id '8'"""
    assert said(tmp_path) == expected.splitlines()
    with pytest.raises(StudyError) as caught:
        read_study(tmp_path)
    assert str(caught.value) == expected


def test_votes_and_verdicts_need_responses_of_both_systems(tmp_path: Path) -> None:
    study(
        tmp_path,
        votes=[VOTE | {"vote_id": "v", "prompt_id": 2}, VOTE | {"vote_id": "w", "system_b": "z"}],
        verdicts=[VERDICT | {"prompt_id": 2}, VERDICT, VERDICT, VERDICT | {"system_a": "y", "system_b": "x"}],
    )
    assert said(tmp_path) == [
        "votes.jsonl:1: system_b: 'y' has no response to prompt '2'",
        "votes.jsonl:2: system_b: 'z' is not one of the systems",
        "verdicts.jsonl:1: system_b: 'y' has no response to prompt '2'",
        "verdicts.jsonl:3: judge: a verdict of this judge with this pair, order, arm and sample "
        "stands already on line 2",
    ]


def test_a_verdict_has_outcomes_or_a_reason(tmp_path: Path) -> None:
    bare = {key: value for key, value in VERDICT.items() if key != "outcomes"}
    both = VERDICT | {"sample": 1, "unscored": "no"}
    study(tmp_path, verdicts=[bare, both, bare | {"sample": 2, "unscored": "no"}])
    assert said(tmp_path) == [
        "verdicts.jsonl:1: outcomes: empty, and no reason in unscored",
        "verdicts.jsonl:2: unscored: an unscored verdict has no outcomes",
    ]


def test_repeats_revisions_and_arms_are_no_duplicates(tmp_path: Path) -> None:
    kinds: list[dict[str, Any]] = [{}, {"repeat": 1}, {"revision": 2}, {"arm": "plain"}]
    study(tmp_path, votes=[VOTE | {"vote_id": f"v{n}"} | kind for n, kind in enumerate(kinds)])
    assert said(tmp_path) == []


def test_a_prompt_wrong_in_another_field_is_no_unknown_prompt(tmp_path: Path) -> None:
    study(tmp_path, prompts=[{"id": 1, "text": "one", "topic": 5}, {"id": 2, "text": "two"}])
    assert said(tmp_path) == ["prompts.jsonl:1: topic: must be text, not a number"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (study(tmp_path) / "responses.jsonl").unlink()
    assert said(tmp_path) == ["responses.jsonl: the file is missing"]
    (tmp_path / "prompts.jsonl").unlink()
    assert said(tmp_path) == ["prompts.jsonl: the file is missing", "responses.jsonl: the file is missing"]


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    assert said(tmp_path / "none") == [f"{tmp_path / 'none'}: there is no such directory"]
    (tmp_path / "file").touch()
    assert said(tmp_path / "file") == [f"{tmp_path / 'file'}: is not a directory"]


def test_every_line_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = study(tmp_path) / "responses.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b'{"prompt_id": 1, "system": "y", "text": "caf\xe9"}\r\n' + b"\xff\n")
    assert said(tmp_path)[:2] == [
        "responses.jsonl:2: is not UTF-8 text: byte 0xe9 at position 45",
        "responses.jsonl:3: is not UTF-8 text: byte 0xff at position 1",
    ]


def test_utf16_is_called_by_its_name(tmp_path: Path) -> None:
    path = study(tmp_path) / "prompts.jsonl"
    path.write_text(path.read_text(), encoding="utf-16")
    assert "prompts.jsonl:1: is UTF-16 text; save it as UTF-8" in said(tmp_path)


@pytest.mark.parametrize(("size", "faults"), [(200_000, 0), (200_001, 1)])
def test_a_response_may_have_200_kb(tmp_path: Path, size: int, faults: int) -> None:
    text = "é" * (size // 2) + "a" * (size % 2)
    rows = [{"prompt_id": 1, "system": system, "text": text[: None if system == "y" else 5]} for system in "xy"]
    found = said(study(tmp_path, responses=rows))
    assert len(found) == faults
    if faults:
        assert found == ["responses.jsonl:2: text: is 200,001 bytes long; at most 200,000 are allowed"]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"id": 1, "text": NaN}', "is not JSON: NaN is not a number that can be kept"),
        ('{"id": 1, "text": "a", "n": -Infinity}', "is not JSON: -Infinity is not a number that can be kept"),
        ('{"id": 1, "text": "a", "n": 1e999}', "the number 1e999 is too large"),
        ('{"id": 1, "text": "a", "text": "b"}', "the key 'text' stands twice in one object"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"id": 1, "text": "a", "n": ' + "[" * 40 + "]" * 40 + "}", "is nested too deeply"),
        ('{"id": 1, "text": "\\u0000"}', "holds a NUL character or half of a surrogate pair, which cannot be stored"),
        ('{"id": 1, "text": "\\ud800"}', "holds a NUL character or half of a surrogate pair, which cannot be stored"),
    ],
)
def test_json_that_cannot_be_kept_is_refused(tmp_path: Path, line: str, what: str) -> None:
    assert said(study(tmp_path, prompts=[line, {"id": 2, "text": "two"}]))[0] == f"prompts.jsonl:1: {what}"


def test_escapes_that_only_look_forbidden_are_fine(tmp_path: Path) -> None:
    rows = [{"id": 1, "text": "\\u0000 and \U0001f600"}, {"id": 2, "text": "two"}]
    assert said(study(tmp_path, prompts=rows)) == []


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ("name: a\nnmae: b\n", "study.yaml:2: nmae: is not a known key: did you mean name?"),
        ("name: a\nsesion_pairs: 5\n", "study.yaml:2: sesion_pairs: is not a known key: did you mean session_pairs?"),
        ("Session-Pairs: 5\n", "study.yaml:1: Session-Pairs: is not a known key: did you mean session_pairs?"),
        (
            "systems:\n- id: x\n  modell: m\n- id: y\n",
            "study.yaml:3: systems.0.modell: is not a known key: did you mean model?",
        ),
        ("name: a\nweight: .inf\n", "study.yaml:2: weight: is a number that cannot be kept: inf"),
        ("weight: 99999999999999999999\n", "study.yaml:1: weight: is a number that cannot be kept"),
        ("photo: !!binary aGk=\n", "study.yaml:1: photo: must be text, a number, a list or keys and values, not bytes"),
        ('mark: ["a\\0"]\n', "study.yaml:1: mark.0: holds a NUL character, which cannot be stored"),
        ("2024: a\n", "study.yaml:1: 2024: a key must be text: put it in quotes"),
        ("name: [\n", "study.yaml:2: is not YAML: did not find expected node content"),
        ("- a\n", "study.yaml:1: must hold keys and values, not ['a']"),
        ("name: a\nname: b\n", "study.yaml:2: name: stands twice, first on line 1"),
        ("\noverlap: many\n", "study.yaml:2: overlap: must be a valid integer, unable to parse"),
        ("format: fancy\n", "study.yaml:1: format: must be 'as_is', 'plain' or 'both', not 'fancy'"),
        ("systems:\n- id: x\n- name: y\n", "study.yaml:3: systems.1.id: is missing"),
        ("name: a\nreference: q\n", "study.yaml:2: reference: 'q' is not one of the systems"),
        ("overall: taste\n", "study.yaml:1: overall: 'taste' is not one of the criteria"),
        ("systems: [{id: x}, {id: x}]\n", "study.yaml:1: systems: a key stands twice"),
        ("a: &b [1]\nc: *b\n", "study.yaml:2: anchors and aliases are not supported"),
        ("a: " + "[" * 50, "study.yaml:1: is nested too deeply"),
        ("pairs: ../secret\n", "study.yaml:1: pairs: must be all, reference or the name of a file"),
        ("pairs: votes.jsonl\n", "study.yaml:1: pairs: votes.jsonl has another meaning"),
        ("pairs: none.jsonl\n", "none.jsonl: the file is missing"),
    ],
)
def test_faults_of_study_yaml_name_the_key_and_the_line(tmp_path: Path, config: str, found: str) -> None:
    lines = said(study(tmp_path, config))
    assert len(lines) == 1
    assert lines[0].startswith(found)


def test_a_fault_of_study_yaml_hides_no_other(tmp_path: Path) -> None:
    config = "session_pairs: 0\nreference: q\nsystems: [{id: x}, {id: y}]\ncriteria: [{key: taste, question: Q}]\n"
    study(
        tmp_path,
        config + "primary: beauty\nname: a\nname: b\n",
        responses=[{"prompt_id": 1, "system": system, "text": "t"} for system in ("x", "y", "z")],
        votes=[VOTE | {"vote_id": "v"}],
    )
    assert said(tmp_path) == [
        "study.yaml:1: session_pairs: must be greater than or equal to 1, not 0",
        "study.yaml:2: reference: 'q' is not one of the systems",
        "study.yaml:5: primary: 'beauty' is not one of the criteria",
        "study.yaml:7: name: stands twice, first on line 6",
        "responses.jsonl:3: system: 'z' is not one of the systems in study.yaml",
        "votes.jsonl:1: outcomes.overall: is not one of the study's criteria",
    ]


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ("critera: [{key: taste, question: Q}]\nprimary: taste\n", "study.yaml:1: critera: is not a known key"),
        ("criteria: [{key: taste}]\noverall: taste\n", "study.yaml:1: criteria.0.question: is missing"),
        ("systems: [{id: x}, {name: z}]\nreference: z\n", "study.yaml:1: systems.1.id: is missing"),
        ("sistems: [{id: x}, {id: z}]\nreference: z\n", "study.yaml:1: sistems: is not a known key"),
    ],
)
def test_what_depends_on_a_wrong_key_is_not_guessed_at(tmp_path: Path, config: str, found: str) -> None:
    votes = [VOTE | {"vote_id": "v", "outcomes": {"taste": "a"}}] if "taste" in config else []
    lines = said(study(tmp_path, config, votes=votes))
    assert len(lines) == 1
    assert lines[0].startswith(found)


@pytest.mark.parametrize("key", ["question_de", "authors", "license", "version", "label", "notes", "created"])
def test_a_key_of_its_own_is_no_slip(tmp_path: Path, key: str) -> None:
    systems = f"systems: [{{id: x, {key}: a}}, {{id: y}}]\n"
    criteria = f"criteria: [{{key: overall, question: Q, {key}: b}}]\n"
    assert said(study(tmp_path, f"{systems}{criteria}{key}: c\n")) == []


def test_a_line_that_is_wrong_in_another_field_is_still_the_first_of_two(tmp_path: Path) -> None:
    bad = {"outcomes": {"overall": "left"}}
    study(
        tmp_path,
        "pairs: p.jsonl\n",
        prompts=[{"id": 1}, {"id": "1", "text": "one"}, {"id": 2, "text": "two"}],
        votes=[VOTE | bad | {"vote_id": 7}, VOTE | {"vote_id": "7", "rater": "s"}, VOTE | {"vote_id": "8"}],
        verdicts=[VERDICT | bad, VERDICT],
        assignments=[VOTE | {"assignment_id": "a", "repeat": -1}, VOTE | {"assignment_id": "a"}],
        p=[{"prompt_id": 1, "system_a": "x", "system_b": "y"}, {"prompt_id": 1, "system_a": "y", "system_b": "x"}],
    )
    found = said(tmp_path)
    for line in (
        "prompts.jsonl:2: id: prompt '1' stands already on line 1",
        "votes.jsonl:2: vote_id: vote '7' stands already on line 1",
        "votes.jsonl:3: rater: a vote of this rater with this pair, arm, repeat and revision stands already on line 1",
        "verdicts.jsonl:2: judge: a verdict of this judge with this pair, order, arm and sample "
        "stands already on line 1",
        "assignments.jsonl:2: assignment_id: assignment 'a' stands already on line 1",
        "p.jsonl:2: prompt_id: this pair stands already on line 1",
    ):
        assert line in found
    assert len(found) == 10


def test_a_question_may_end_in_a_question_mark_inside_braces(tmp_path: Path) -> None:
    study(tmp_path, "criteria: [{key: overall, question: Which is better?}]\n")
    assert read_study(tmp_path).config.criteria[0].question == "Which is better?"


def test_a_file_of_pairs_is_checked(tmp_path: Path) -> None:
    rows = [
        {"prompt_id": 1, "system_a": "x", "system_b": "y"},
        {"prompt_id": 1, "system_a": "y", "system_b": "x"},
        {"prompt_id": 1, "system_a": "x", "system_b": "x"},
        {"prompt_id": 1, "system_a": "x"},
    ]
    assert said(study(tmp_path, "pairs: p.jsonl\n", p=rows)) == [
        "p.jsonl:2: prompt_id: this pair stands already on line 1",
        "p.jsonl:3: system_b: a system against itself",
        "p.jsonl:4: system_b: is missing",
    ]


def test_a_study_without_a_pair_is_refused(tmp_path: Path) -> None:
    rows = [{"prompt_id": 1, "system": "x", "text": "t"}, {"prompt_id": 2, "system": "y", "text": "t"}]
    assert said(study(tmp_path, responses=rows)) == [
        "responses.jsonl: no two systems answered the same prompt: there is no pair to compare"
    ]
    assert said(study(tmp_path, responses=rows[:1])) == [
        "responses.jsonl: system: only one system: nothing to compare it with"
    ]


FILES = ("prompts.jsonl", "responses.jsonl", "votes.jsonl", "verdicts.jsonl", "assignments.jsonl", "study.yaml")
PUBLISHED = ("a_test_samples.jsonl", "a_test_samples_base_response.jsonl", "a_test_samples_ft_response.jsonl")
JUDGE = "j_judge_output.csv"
JSON_SCRAPS = (b"{", b"}", b'"id": 1', b'"text": ', b'"a"', b", ", b"\n", b"[", b"]", b"\xff", b"\0", b"null", b"1e999")
YAML_SCRAPS = (b"- ", b": ", b"&a ", b"*a", b"systems", b"pairs: p\n", b"!!python/object:os.system ", b"? ")
LINES = (b'{"id": 1, "text": "t"}\n', b'{"prompt_id": 1, "system": "x", "text": "t"}\n', b"winner_overall,id\n")
scraps = st.sampled_from([*JSON_SCRAPS, *YAML_SCRAPS, *LINES, b"System A,1\n", b'"', b"\r"])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([FILES, (*PUBLISHED, JUDGE, "study.yaml")]),
    st.lists(st.binary(max_size=60) | st.lists(scraps, max_size=12).map(b"".join), min_size=6, max_size=6),
)
def test_no_bytes_make_the_check_fail(names: tuple[str, ...], contents: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for name, content in zip(names, contents, strict=False):
            (Path(directory) / name).write_bytes(content)
        for problem in check_study(Path(directory)):
            assert len(str(problem).splitlines()) == 1


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = {
    "prompts": ("id", "text", "title", "topic"),
    "responses": ("prompt_id", "system", "text"),
    "votes": ("vote_id", "prompt_id", "system_a", "system_b", "rater", "outcomes", "seconds", "status", "created_at"),
    "verdicts": ("judge", "prompt_id", "system_a", "system_b", "outcomes", "usage", "sample"),
    "study": ("name", "systems", "criteria", "reference", "pairs", "margin", "required"),
}


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_values_make_the_check_fail(data: st.DataObject) -> None:
    plausible = values | st.sampled_from([1, "x", "y", {"overall": "a"}])
    with tempfile.TemporaryDirectory() as directory:
        for name, keys in KEYS.items():
            rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(keys, plausible)), max_size=3))
            suffix = "yaml" if name == "study" else "jsonl"
            text = "\n".join(json.dumps(row) for row in (rows[:1] if name == "study" else rows))
            (Path(directory) / f"{name}.{suffix}").write_text(text)
        check_study(Path(directory))
