"""The layouts of the real studies, on small ones written for it: read, checked, written back, scanned, summed up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from written_layouts import KEYS, STEM, WINNERS, write_annotated_files, write_published_files

from eval.report import summarise
from ppai.frames import verdict_frame, vote_frame
from ppai.leaks import leak_table
from ppai.schema import Outcome, Study
from ppai.studyfiles import check_study, read_study, write_general, write_published


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_published_files(tmp_path_factory.mktemp("layouts") / "published")


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_annotated_files(tmp_path_factory.mktemp("layouts") / "annotated")


def sources(study: Study, criterion: str) -> Any:
    keys = study.config.keys
    return summarise(study, vote_frame(study.votes, keys), verdict_frame(study.verdicts, keys)).criteria[criterion]


def test_the_published_layout_is_read(published: Path) -> None:
    assert check_study(published) == []
    study = read_study(published)
    assert (study.config.system_ids, study.config.reference_id) == (("base", "finetuned"), "base")
    assert [prompt.topic for prompt in study.prompts] == ["Dressing", "Food", "Comfort", "Bath", "School"]
    assert study.prompts[0].extra == {"prompt_ntokens_mistral": 41}
    assert study.prompts[0].text.startswith("Socks before shoes - My 3/4-year-old")
    assert len(study.pairs) == 5 and all(not response.extra for response in study.responses)
    assert {(v.judge, v.named, v.system_a, v.system_b) for v in study.verdicts} == {
        ("gpt-4o", True, "base", "finetuned")
    }
    assert [verdict.outcomes["creativity"] for verdict in study.verdicts] == [
        Outcome.A,
        Outcome.B,
        Outcome.TIE,
        Outcome.TIE,
        Outcome.B,
    ]


def test_the_published_layout_is_written_back_as_pandas_wrote_it(published: Path, tmp_path: Path) -> None:
    study = read_study(published)
    again = tmp_path / "published"
    assert write_published(study, again, stem=STEM).lines() == ()
    assert sorted(path.name for path in again.iterdir()) == sorted(path.name for path in published.iterdir())
    for original in published.iterdir():
        written = again / original.name
        if original.suffix == ".csv":
            table = pd.read_csv(written)
            assert list(table.columns) == ["Unnamed: 0", *(f"winner_{key}" for key in KEYS), "justification", "id"]
            pd.testing.assert_frame_equal(table, pd.read_csv(original))
        else:
            pd.testing.assert_frame_equal(pd.read_json(written, lines=True), pd.read_json(original, lines=True))
        assert written.read_bytes() == original.read_bytes()
    assert read_study(again) == study
    write_general(study, tmp_path / "general")
    assert read_study(tmp_path / "general") == study


def test_lists_that_run_on_tell_the_reference_from_the_other(published: Path) -> None:
    table = leak_table(read_study(published))
    assert {row.system: row.lists for row in table.systems} == {"base": 0.8, "finetuned": 0.0}
    lists = next(row for row in table.separations if row.trait == "lists")
    assert (lists.accuracy, lists.marked, lists.n) == (0.9, "base", 5)
    assert "lists alone tell base from finetuned in 90% of pairs (n = 5; more in base)" in table.warnings


@pytest.mark.parametrize("criterion", KEYS)
def test_the_judges_shares_are_its_words_counted(published: Path, criterion: str) -> None:
    found = sources(read_study(published), criterion)["judge:gpt-4o"]
    words = Counter(WINNERS[criterion])
    assert found.rates.shares["base"].estimate == pytest.approx(words["A"] / 5)
    assert found.rates.shares["finetuned"].estimate == pytest.approx(words["B"] / 5)
    assert found.rates.tie_share.estimate == pytest.approx(words["T"] / 5)
    assert found.rates.win_rate["finetuned>base"].estimate == pytest.approx((words["B"] + words["T"] / 2) / 5)
    assert (found.rates.n, found.counts.answered, found.counts.named) == (5, 5, 5)
    assert found.first_position.estimate is None


def test_an_annotated_test_set_is_read_and_written_back(annotated: Path, tmp_path: Path) -> None:
    assert check_study(annotated) == []
    study = read_study(annotated)
    assert (study.config.reference_id, len(study.config.systems)) == ("cedar-0.5b", 3)
    assert (len(study.prompts), len(study.responses), len(study.pairs)) == (5, 11, 7)
    assert (len(study.votes), len(study.verdicts)) == (18, 12)
    assert [verdict.unscored for verdict in study.verdicts if verdict.unscored] == ["could not be read"]
    write_general(study, tmp_path / "again")
    assert read_study(tmp_path / "again") == study


def test_an_annotated_test_set_is_summed_up(annotated: Path) -> None:
    found = sources(read_study(annotated), "overall")
    people, strict, lenient = found["human"], found["judge:strict-judge"], found["judge:lenient-judge"]
    assert (people.rates.n, people.counts.answered, people.counts.raters) == (6, 18, 3)
    assert (strict.rates.n, strict.counts.unscored, strict.counts.one_order) == (5, 1, 0)
    assert lenient.rates.n == 6
    rates = people.rates.win_rate
    # prompts 1 and 4: (1 + 1 + 0) / 3 and (1 + 0 + 1/2) / 3
    assert rates["apple-1b>birch-2b"].estimate == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert rates["apple-1b>cedar-0.5b"].estimate == pytest.approx(1 / 2)
    # prompts 3 and 4: (1 + 1/2 + 1) / 3 and (1/2 + 1/2 + 0) / 3
    assert rates["birch-2b>cedar-0.5b"].estimate == pytest.approx((5 / 6 + 1 / 3) / 2)
    assert people.rates.shares["cedar-0.5b"].estimate == pytest.approx((1 + 0 + 0 + 1 / 3) / 4)
    assert people.first_position.estimate is None and "never varied" in people.first_position.reason
