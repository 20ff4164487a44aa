"""Balance counts what was shown: the pairs of the assignment log, answered or not, and votes that have none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from databases import new_database
from rating import Rater, desk_of, rating_study
from small_studies import R1, R2, vote

from eval.report import summarise
from ppai.frames import assignment_frame, showings, verdict_frame, vote_frame
from ppai.schema import Assignment, Vote
from ppai.source import Source, open_source
from ppai.store.sql import SqlStore
from ppai.studyfiles import write_general


def share_at_a(source: Source) -> dict[str, float | None]:
    found = summarise(source.study, source.votes, source.verdicts, assignments=source.showings)
    return dict(found.balance.side_share)


def log(*entries: tuple[str, str, str, str]) -> Sequence[Assignment]:
    return [
        Assignment(assignment_id=f"a{n}", prompt_id=prompt, system_a=a, system_b=b, rater=rater)
        for n, (prompt, a, b, rater) in enumerate(entries)
    ]


def test_open_skipped_and_undone_pairs_are_showings(tmp_path: Path) -> None:
    url = new_database("sqlite", tmp_path)
    store = SqlStore(url)
    desk = desk_of(store, rating_study(6))
    rater = Rater(desk)
    rater.submit()
    rater.skip()
    rater.submit()
    rater.undo()
    given = store.events("rated").assignments
    assert len(given) == 4, "answered, skipped, undone, and one that was dealt after it"
    expected = sum(entry.system_a == "base" for entry in given) / len(given)
    write_general(store.events("rated"), tmp_path / "study")
    for source in (str(tmp_path / "study"), url):
        found = share_at_a(open_source(source))
        assert found == {"base": pytest.approx(expected), "tuned": pytest.approx(1 - expected)}
    store.close()


def test_votes_of_a_file_without_a_log_count_beside_it() -> None:
    votes: list[Vote] = [vote("p0", "base", "tuned", "a", rater=R1), vote("p1", "base", "tuned", "b", rater=R2)]
    both = showings(
        assignment_frame(log(("p0", "base", "tuned", R1), ("p2", "tuned", "base", R1))), vote_frame(votes, ())
    )
    assert sorted(zip(both["prompt_id"], both["rater"], both["system_a"], strict=True)) == [
        ("p0", R1, "base"),
        ("p1", R2, "base"),
        ("p2", R1, "tuned"),
    ]


def test_without_anything_shown_there_is_no_share() -> None:
    empty = showings(assignment_frame([]), vote_frame([], ()))
    found = summarise(rating_study(2), vote_frame([], ()), verdict_frame([], ()), assignments=empty)
    assert set(found.balance.side_share.values()) == {None}
