"""First position and length habits: decisive unmerged outcomes only, and silence where sides say nothing."""

from __future__ import annotations

import pytest
from small_studies import small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from eval.statistics.position import NO_DECISIVE, SIDES_FIXED, SIDES_UNKNOWN
from eval.statistics.source import Source
from ppai.schema import Study, Verdict, Vote


def people(study: Study, *votes: Vote) -> Source:
    return summarise(study, votes_of(study, *votes), verdicts_of(study)).criteria["overall"]["human"]


def judged(study: Study, *verdicts: Verdict) -> Source:
    return summarise(study, votes_of(study), verdicts_of(study, *verdicts)).criteria["overall"]["judge:j"]


def test_first_position_counts_decisive_outcomes_of_both_orders() -> None:
    found = judged(
        small_study(),
        verdict("p1", "base", "new", "a"),
        verdict("p1", "new", "base", "a"),
        verdict("p2", "base", "new", "b"),
        verdict("p2", "new", "base", "tie"),
        verdict("p3", "base", "new", "a"),
        verdict("p3", "new", "base", None),
    ).first_position
    assert (found.estimate, found.n) == (0.75, 4)


def test_a_judge_that_always_names_the_first_is_all_position() -> None:
    verdicts = [verdict(p, *s, "a") for p in ("p1", "p2", "p3") for s in (("base", "new"), ("new", "base"))]
    found = judged(small_study(), *verdicts)
    assert found.first_position.estimate == 1
    assert found.rates.win_rate["new>base"].estimate == 0.5
    assert found.rates.tie_share.estimate == 1


def test_nothing_is_said_where_the_file_does_not_know_the_sides() -> None:
    votes = [vote("p1", "base", "new", "a"), vote("p2", "new", "base", "a")]
    assert people(small_study(sides="file"), *votes).first_position.reason == SIDES_UNKNOWN
    assert people(small_study(), *votes).first_position.estimate == 1


def test_nothing_is_said_where_the_sides_never_varied() -> None:
    found = people(small_study(), vote("p1", "base", "new", "a"), vote("p2", "base", "new", "b"))
    assert found.first_position.reason == SIDES_FIXED


def test_a_matchup_of_fixed_sides_does_not_hide_in_one_that_varied() -> None:
    found = people(
        small_study(systems=("base", "one", "two")),
        vote("p1", "base", "one", "a"),
        vote("p2", "one", "base", "b"),
        vote("p1", "base", "two", "a"),
        vote("p2", "base", "two", "a"),
    ).first_position
    assert (found.estimate, found.n) == (0.5, 2)


def test_file_order_by_name_says_nothing_about_sides() -> None:
    study = small_study(systems=("c", "a", "b"))
    votes = [vote(p, a, b, "a") for p in ("p1", "p2") for a, b in (("a", "b"), ("a", "c"), ("b", "c"))]
    assert people(study, *votes).first_position.reason == SIDES_FIXED


def test_all_ties_and_no_votes_have_a_reason() -> None:
    ties = people(small_study(), vote("p1", "base", "new", "tie"), vote("p2", "new", "base", "tie"))
    for found in (ties, people(small_study())):
        assert found.first_position.reason == found.longer_wins.reason == NO_DECISIVE
        assert found.first_position.estimate is None


def test_longer_wins_by_characters_of_every_single_vote() -> None:
    lengths = {("p1", "base"): 20, ("p2", "new"): 11, ("p3", "new"): 10}
    found = people(
        small_study(lengths=lengths),
        vote("p1", "base", "new", "a", "r1"),  # the longer
        vote("p1", "new", "base", "b", "r2"),  # the longer
        vote("p1", "base", "new", "b", "r3"),  # the shorter
        vote("p2", "new", "base", "a", "r1"),  # the longer
        vote("p2", "new", "base", "tie", "r2"),
        vote("p3", "base", "new", "a", "r1"),  # of one length
    ).longer_wins
    assert (found.estimate, found.n) == (0.75, 4)


def test_characters_are_counted_not_bytes() -> None:
    study = small_study(("p1",))
    texts = {"base": "éééé", "new": "abcde"}
    responses = tuple(r.model_copy(update={"text": texts[r.system]}) for r in study.responses)
    found = people(study.model_copy(update={"responses": responses}), vote("p1", "base", "new", "b"))
    assert found.longer_wins.estimate == 1


@pytest.mark.parametrize("responses", [slice(0, 0), slice(0, 1)])
def test_a_missing_or_equal_length_has_a_reason(responses: slice) -> None:
    study = small_study(("p1",))
    without = study.model_copy(update={"responses": study.responses[responses]})
    for given in (study, without):
        found = people(given, vote("p1", "base", "new", "b")).longer_wins
        assert found.estimate is None
        assert found.reason == "no decisive outcomes between responses of different length"


def test_hidden_repeats_and_skips_are_no_habit() -> None:
    found = people(
        small_study(lengths={("p1", "new"): 12, ("p2", "new"): 12}),
        vote("p1", "base", "new", "b"),
        vote("p1", "new", "base", "b", repeat=1),
        vote("p2", "new", "base", "a"),
        vote("p3", "new", "base", "b", status="skipped"),
    )
    assert (found.longer_wins.estimate, found.longer_wins.n) == (1, 2)
    assert (found.first_position.estimate, found.first_position.n) == (0.5, 2)
