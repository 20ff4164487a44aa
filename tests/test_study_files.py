"""The general layout: what is read, what is written, and that both say the same."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ppai.errors import PPAIError
from ppai.schema import (
    Arm,
    Assignment,
    Criterion,
    Outcome,
    Prompt,
    Response,
    Study,
    StudyConfig,
    System,
    Verdict,
    Vote,
    VoteStatus,
)
from ppai.studyfiles import check_study, read_study, write_general
from ppai.studyfiles.pairs import study_pairs

PROMPTS = [{"id": 1, "text": "one"}, {"id": 2, "text": "two", "topic": "t"}]
RESPONSES = [
    {"prompt_id": prompt, "system": system, "text": f"{system}{prompt}"}
    for prompt in (1, 2)
    for system in ("x", "y", "z")
    if (prompt, system) != (2, "z")
]


def write_study(directory: Path, config: str | None = None, **files: list[dict[str, Any]]) -> Path:
    files = {"prompts": PROMPTS, "responses": RESPONSES} | files
    for name, rows in files.items():
        (directory / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if config is not None:
        (directory / "study.yaml").write_text(config)
    return directory


def couples(study: Study) -> list[tuple[str, str, str]]:
    return [(pair.prompt_id, pair.first, pair.second) for pair in study.pairs]


def test_two_files_are_a_study(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path))
    assert study.name == tmp_path.name
    assert study.config.system_ids == ("x", "y", "z")
    assert [prompt.id for prompt in study.prompts] == ["1", "2"]
    assert couples(study) == [("1", "x", "y"), ("1", "x", "z"), ("1", "y", "z"), ("2", "x", "y")]


def test_pairs_with_the_reference_keep_the_order_of_systems(tmp_path: Path) -> None:
    config = "reference: y\npairs: reference\nsystems: [{id: x}, {id: y}, {id: z}]\n"
    assert couples(read_study(write_study(tmp_path, config))) == [("1", "x", "y"), ("1", "y", "z"), ("2", "x", "y")]


def test_pairs_of_a_file(tmp_path: Path) -> None:
    rows = [{"prompt_id": "2", "system_a": "y", "system_b": "x"}]
    study = read_study(write_study(tmp_path, "pairs: chosen.jsonl\n", chosen=rows))
    assert couples(study) == [("2", "x", "y")]
    write_general(study, tmp_path / "again")
    assert read_study(tmp_path / "again").pairs == study.pairs


def test_windows_line_ends_byte_order_marks_and_blank_lines_are_fine(tmp_path: Path) -> None:
    plain = read_study(write_study(tmp_path, "name: n\n"))
    for path in list(tmp_path.iterdir()):
        text = path.read_text().replace("\n", "\r\n\r\n")
        path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_study(tmp_path) == plain


def test_a_text_may_hold_unicode_line_separators(tmp_path: Path) -> None:
    responses = [{"prompt_id": 1, "system": s, "text": "a\u2028b\x85c\r\nd"} for s in ("x", "y")]
    for escaped in (True, False):
        lines = [json.dumps(row, ensure_ascii=escaped) + "\n" for row in responses]
        write_study(tmp_path)
        (tmp_path / "responses.jsonl").write_text("".join(lines), newline="")
        assert read_study(tmp_path).responses[0].text == "a\u2028b\x85c\r\nd"


def test_an_empty_response_is_a_response(tmp_path: Path) -> None:
    rows = [{"prompt_id": 1, "system": "x", "text": ""}, {"prompt_id": 1, "system": "y", "text": "y"}]
    assert couples(read_study(write_study(tmp_path, responses=rows))) == [("1", "x", "y")]


def test_keys_outside_the_format_come_back(tmp_path: Path) -> None:
    prompts = [PROMPTS[0] | {"tokens": 7, "source": {"url": "u"}}, PROMPTS[1]]
    study = read_study(write_study(tmp_path, prompts=prompts))
    assert study.prompts[0].extra == {"tokens": 7, "source": {"url": "u"}}
    write_general(study, tmp_path / "again")
    assert json.loads((tmp_path / "again/prompts.jsonl").read_text().splitlines()[0]) == prompts[0]


def test_keys_that_study_yaml_adds_come_back(tmp_path: Path) -> None:
    config = """\
name: n
authors: [A, B]
created: 2024-05-13
systems:
- {id: x, seed: 7, cost: {usd: 0.25}}
- {id: y}
criteria:
- {key: overall, question: Which?, question_de: Welche?}
"""
    study = read_study(write_study(tmp_path, config, responses=[row for row in RESPONSES if row["system"] != "z"]))
    assert study.config.extra == {"authors": ["A", "B"], "created": "2024-05-13"}
    assert study.config.systems[0].extra == {"seed": 7, "cost": {"usd": 0.25}}
    assert study.config.criteria[0].extra == {"question_de": "Welche?"}
    write_general(study, tmp_path / "again")
    assert read_study(tmp_path / "again") == study


@pytest.mark.parametrize(("ids", "written"), [((1, 2), [1, 2]), (("1", "02"), ["1", "02"]), ((1, "b"), ["1", "b"])])
def test_ids_are_written_as_integers_where_all_are(tmp_path: Path, ids: tuple[Any, Any], written: list[Any]) -> None:
    prompts = [{"id": name, "text": "t"} for name in ids]
    responses = [{"prompt_id": name, "system": s, "text": "r"} for name in ids for s in ("x", "y")]
    write_general(read_study(write_study(tmp_path, prompts=prompts, responses=responses)), tmp_path / "again")
    rows = [json.loads(line) for line in (tmp_path / "again/prompts.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == written


def test_only_keys_that_are_set_are_written(tmp_path: Path) -> None:
    votes = [{"vote_id": "v", "prompt_id": 1, "system_a": "x", "system_b": "y", "rater": "r", "outcomes": {}}]
    write_general(read_study(write_study(tmp_path, votes=votes)), tmp_path / "again")
    assert json.loads((tmp_path / "again/votes.jsonl").read_text()) == {
        key: value for key, value in votes[0].items() if key != "outcomes"
    }
    assert not (tmp_path / "again/verdicts.jsonl").exists()


def test_a_file_of_another_study_is_not_taken_in(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path))
    (tmp_path / "votes.jsonl").write_text("precious\n")
    with pytest.raises(PPAIError, match="does not belong to this study"):
        write_general(study, tmp_path)
    assert (tmp_path / "votes.jsonl").read_text() == "precious\n"


def test_files_appear_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = read_study(write_study(tmp_path))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    calls = iter([None, None])

    def full(handle: int) -> None:
        if next(calls, OSError) is OSError:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PPAIError, match="No space left"):
        write_general(study, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path))
    with pytest.raises(PPAIError) as caught:
        write_general(study, tmp_path / "prompts.jsonl")
    assert len(str(caught.value).splitlines()) == 1


def test_pandalm_is_read_quickly(pandalm_study: Path, tmp_path: Path) -> None:
    start = time.perf_counter()
    study = read_study(pandalm_study)
    assert time.perf_counter() - start < 2
    assert check_study(pandalm_study) == []
    assert (len(study.prompts), len(study.responses), len(study.votes), len(study.verdicts)) == (170, 779, 2997, 1998)
    voted = {(vote.prompt_id, *sorted((vote.system_a, vote.system_b))) for vote in study.votes}
    assert len(voted) == 999
    assert voted <= {(pair.prompt_id, *sorted((pair.first, pair.second))) for pair in study.pairs}
    assert sum(verdict.unscored is not None for verdict in study.verdicts) == 25
    write_general(study, tmp_path / "again")
    assert read_study(tmp_path / "again") == study


identifiers = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=12)
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=60)
optional_texts = st.none() | texts
moments = st.none() | st.datetimes(timezones=st.just(UTC))


@st.composite
def studies(draw: st.DrawFn) -> Study:
    ids = draw(st.lists(identifiers | st.integers(-5, 999).map(str), min_size=1, max_size=4, unique=True))
    systems = draw(st.lists(identifiers, min_size=2, max_size=4, unique=True))
    keys = draw(st.lists(st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,9}", fullmatch=True), min_size=1, unique=True))
    name = draw(identifiers)
    config = StudyConfig(
        name=name,
        reference=draw(st.none() | st.sampled_from(systems)),
        systems=tuple(System(id=system, name=draw(texts), model=draw(optional_texts)) for system in systems),
        criteria=tuple(Criterion(key=key, question=draw(identifiers)) for key in keys),
        overall=draw(st.none() | st.sampled_from(keys)),
        pairs=draw(st.sampled_from(["all", "reference"])),
        overlap=draw(st.integers(1, 9)),
        reveal=draw(st.booleans()),
        probe=draw(optional_texts),
    )
    extra: Mapping[str, Any] = draw(st.dictionaries(st.sampled_from(["n", "source"]), st.integers() | texts))
    prompts = tuple(
        Prompt(id=prompt, text=draw(texts), title=draw(optional_texts), topic=draw(optional_texts), **extra)
        for prompt in ids
    )
    responses = tuple(Response(prompt_id=p, system=s, text=draw(texts)) for p in ids for s in systems)
    couple = st.lists(st.sampled_from(systems), min_size=2, max_size=2, unique=True)
    outcomes = st.dictionaries(st.sampled_from(keys), st.sampled_from(Outcome), min_size=1)
    votes, verdicts, assignments = [], [], []
    for number in range(draw(st.integers(0, 3))):
        a, b = draw(couple)
        shared = {"prompt_id": draw(st.sampled_from(ids)), "system_a": a, "system_b": b}
        shared |= {"arm": draw(st.sampled_from(Arm)), "created_at": draw(moments)}
        rater = f"r{number}"
        votes.append(
            Vote(
                vote_id=f"v{number}",
                rater=rater,
                outcomes=draw(outcomes),
                status=draw(st.sampled_from(VoteStatus)),
                comment=draw(optional_texts),
                seconds=draw(st.none() | st.floats(0, 1e6)),
                **shared,
            )
        )
        verdicts.append(
            Verdict(
                judge=f"j{number}",
                outcomes=draw(outcomes),
                justification=draw(optional_texts),
                named=draw(st.booleans()),
                usage=draw(st.none() | st.dictionaries(texts, st.integers())),
                **shared,
            )
        )
        assignments.append(Assignment(assignment_id=f"a{number}", rater=rater, draw=draw(texts), **shared))
    return Study(
        config=config,
        prompts=prompts,
        responses=responses,
        pairs=study_pairs(config, prompts, responses),
        votes=tuple(votes),
        verdicts=tuple(verdicts),
        assignments=tuple(assignments),
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(studies())
def test_a_written_study_reads_back_the_same(study: Study) -> None:
    with tempfile.TemporaryDirectory() as directory:
        write_general(study, Path(directory))
        assert read_study(Path(directory)) == study
