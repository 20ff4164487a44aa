"""Win rates and shares by hand: people's means, a judge's two orders, and what counts nowhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_studies import small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from eval.statistics.coding import code_votes
from eval.statistics.interval import Interval
from eval.statistics.source import Source
from eval.statistics.study_index import StudyIndex
from ppai.frames import current_votes
from ppai.schema import Study, Verdict, Vote


def people(study: Study, *votes: Vote) -> Source:
    return summarise(study, votes_of(study, *votes), verdicts_of(study)).criteria["overall"]["human"]


def judged(study: Study, *verdicts: Verdict) -> Source:
    return summarise(study, votes_of(study), verdicts_of(study, *verdicts)).criteria["overall"]["judge:j"]


def estimates(intervals: dict[str, Interval] | object) -> dict[str, float | None]:
    assert isinstance(intervals, dict)
    return {key: interval.estimate for key, interval in intervals.items()}


def test_a_pair_is_the_mean_of_its_raters_and_pairs_weigh_alike() -> None:
    found = people(
        small_study(),
        vote("p1", "base", "new", "b", "r1"),
        vote("p1", "new", "base", "a", "r2"),
        vote("p1", "base", "new", "tie", "r3"),
        vote("p2", "new", "base", "b", "r1"),
    )
    # p1: two wins and a tie of three votes; p2: a loss.
    assert found.rates.n == 2
    assert estimates(found.rates.win_rate) == {"new>base": pytest.approx((2.5 / 3 + 0) / 2)}
    assert estimates(found.rates.shares) == {
        "new": pytest.approx((2 / 3 + 0) / 2),
        "base": pytest.approx((0 + 1) / 2),
    }
    assert found.rates.tie_share.estimate == pytest.approx(1 / 6)
    assert (found.counts.answered, found.counts.raters) == (4, 3)
    assert found.rates.win_rate["new>base"].n == 2


def test_the_reference_is_y_and_the_rest_keep_the_order_of_systems() -> None:
    study = small_study(systems=("one", "ref", "three"), reference="ref")
    found = people(study, vote("p1", "one", "ref", "a"), vote("p1", "three", "ref", "b"))
    assert estimates(found.rates.win_rate) == {"one>ref": 1, "one>three": None, "three>ref": 0}


def test_the_first_system_is_the_reference_where_none_is_named() -> None:
    study = small_study(systems=("base", "one", "two"))
    found = people(study, vote("p1", "base", "one", "b"), vote("p1", "two", "one", "b"))
    assert estimates(found.rates.win_rate) == {"one>base": 1, "two>base": None, "one>two": 1}


def test_shares_of_three_systems_are_over_their_own_appearances() -> None:
    study = small_study(systems=("base", "one", "two"))
    found = people(
        study,
        vote("p1", "base", "one", "b"),
        vote("p2", "one", "base", "tie"),
        vote("p1", "two", "one", "a"),
    )
    assert estimates(found.rates.shares) == {"base": 0, "one": pytest.approx(1 / 3), "two": 1}
    assert {system: share.n for system, share in found.rates.shares.items()} == {"base": 2, "one": 3, "two": 1}
    assert found.rates.tie_share.estimate == pytest.approx(1 / 3)


def test_the_highest_revision_counts_whatever_its_sides_and_place() -> None:
    found = people(
        small_study(),
        vote("p1", "new", "base", "a", revision=3),
        vote("p1", "base", "new", "a", revision=1),
        vote("p1", "base", "new", "tie", revision=2),
    )
    assert found.counts.answered == 1
    assert estimates(found.rates.win_rate) == {"new>base": 1}


def test_a_revision_can_take_a_vote_back() -> None:
    found = people(
        small_study(),
        vote("p1", "base", "new", "b"),
        vote("p1", "base", "new", None, revision=2, status="void"),
        vote("p2", "base", "new", "a"),
        vote("p2", "new", "base", None, revision=2, status="skipped", reason="unclear"),
    )
    assert found.rates.n == found.counts.answered == found.counts.raters == 0
    assert (found.counts.void, found.counts.skipped) == (1, 1)
    assert found.rates.win_rate["new>base"].reason == "no pairs"


def test_skipped_void_and_unanswered_only_in_their_counts() -> None:
    votes = [vote("p1", "base", "new", "b"), vote("p2", "base", "new", "a")]
    others = [
        vote("p1", "base", "new", None, "r2", status="skipped"),
        vote("p1", "base", "new", "a", "r3", status="void"),
        vote("p3", "base", "new", None, "r4"),
    ]
    alone, together = people(small_study(), *votes), people(small_study(), *votes, *others)
    assert together.rates == alone.rates
    counts = together.counts
    assert (counts.answered, counts.skipped, counts.void, counts.unscored, counts.raters) == (2, 1, 1, 1, 1)


def test_hidden_repeats_count_for_nothing_here() -> None:
    found = people(
        small_study(),
        vote("p1", "base", "new", "b"),
        vote("p1", "new", "base", "b", repeat=1),
        vote("p2", "new", "base", "b", repeat=1),
        vote("p3", "new", "base", None, repeat=1, status="skipped"),
    )
    assert (found.rates.n, found.counts.answered, found.counts.skipped) == (1, 1, 0)
    assert estimates(found.rates.win_rate) == {"new>base": 1}


def test_both_orders_merge() -> None:
    found = judged(
        small_study(("p1", "p2", "p3", "p4")),
        verdict("p1", "base", "new", "b"),
        verdict("p1", "new", "base", "a"),  # new twice
        verdict("p2", "base", "new", "a"),
        verdict("p2", "new", "base", "a"),  # the first shown, twice
        verdict("p3", "base", "new", "tie"),
        verdict("p3", "new", "base", "b"),  # a tie, then base
        verdict("p4", "base", "new", "tie"),
        verdict("p4", "new", "base", "tie"),
    )
    assert found.rates.n == 4
    assert estimates(found.rates.win_rate) == {"new>base": pytest.approx((1 + 0.5 + 0.25 + 0.5) / 4)}
    assert estimates(found.rates.shares) == {"base": 0, "new": 0.25}
    assert found.rates.tie_share.estimate == 0.75
    assert (found.counts.answered, found.counts.one_order, found.counts.both_orders) == (8, 0, True)


def test_a_swapped_verdict_is_mapped_back_once() -> None:
    always_new = [
        verdict(p, *sides, "b" if sides[1] == "new" else "a")
        for p in ("p1", "p2", "p3")
        for sides in (("base", "new"), ("new", "base"))
    ]
    found = judged(small_study(), *always_new)
    assert estimates(found.rates.shares) == {"base": 0, "new": 1}
    assert estimates(found.rates.win_rate) == {"new>base": 1}


def test_a_judge_of_one_order_counts_as_it_is() -> None:
    found = judged(
        small_study(),
        verdict("p1", "new", "base", "a"),
        verdict("p2", "base", "new", "a"),
        verdict("p3", "base", "new", None),
    )
    assert (found.rates.n, found.counts.one_order, found.counts.unscored) == (2, 0, 1)
    assert found.counts.both_orders is False
    assert found.one_order_bounds is None
    assert estimates(found.rates.win_rate) == {"new>base": 0.5}


def test_a_pair_with_one_order_unscored_is_left_out_and_bounds_are_said() -> None:
    found = judged(
        small_study(("p1", "p2", "p3", "p4")),
        verdict("p1", "base", "new", "b"),
        verdict("p1", "new", "base", "a"),
        verdict("p2", "base", "new", "b"),  # new, and the other order unread
        verdict("p2", "new", "base", None),
        verdict("p3", "base", "new", None),
        verdict("p3", "new", "base", None),
        verdict("p4", "new", "base", "tie"),  # the other order never asked
    )
    assert (found.rates.n, found.counts.one_order) == (1, 2)
    assert (found.counts.answered, found.counts.unscored) == (4, 3)
    assert estimates(found.rates.win_rate) == {"new>base": 1}
    assert found.one_order_bounds is not None
    bounds = found.one_order_bounds.as_json()
    assert bounds["win_rate"]["new>base"] == pytest.approx([(1 + 0.5 + 0.25) / 3, (1 + 1 + 0.75) / 3])
    assert bounds["shares"]["new"] == pytest.approx([1 / 3, 2 / 3])
    assert bounds["shares"]["base"] == [0, 0]
    assert bounds["tie_share"] == pytest.approx([1 / 3, 2 / 3])


def test_unscored_is_never_a_tie() -> None:
    scored = [verdict("p1", "base", "new", "b"), verdict("p2", "base", "new", "b")]
    alone = judged(small_study(), *scored)
    together = judged(small_study(), *scored, verdict("p3", "base", "new", None))
    assert together.rates == alone.rates
    assert together.rates.tie_share.estimate == 0


def test_samples_are_averaged_within_their_order_first() -> None:
    found = judged(
        small_study(),
        verdict("p1", "base", "new", "b", sample=0),
        verdict("p1", "base", "new", "b", sample=1),
        verdict("p1", "base", "new", "a", sample=2),
        verdict("p1", "base", "new", None, sample=3),
        verdict("p1", "new", "base", "b"),
        verdict("p2", "base", "new", "b", sample=0),
        verdict("p2", "base", "new", "b", sample=1),
        verdict("p2", "base", "new", "a", sample=2),
        verdict("p2", "new", "base", "a"),
    )
    # p1: 2/3 in one order, 0 in the other; p2: 2/3 and 1, both orders naming new.
    assert estimates(found.rates.win_rate) == {"new>base": pytest.approx((1 / 3 + 5 / 6) / 2)}
    assert estimates(found.rates.shares) == {"base": 0, "new": 0.5}


def test_judges_are_apart() -> None:
    study = small_study()
    verdicts = verdicts_of(
        study,
        verdict("p1", "base", "new", "b", "j1"),
        verdict("p1", "new", "base", "b", "j2"),
        verdict("p1", "base", "new", "a", "j2"),
    )
    sources = summarise(study, votes_of(study), verdicts).criteria["overall"]
    assert estimates(sources["judge:j1"].rates.win_rate) == {"new>base": 1}
    assert estimates(sources["judge:j2"].rates.win_rate) == {"new>base": 0}
    assert sources["judge:j1"].counts.both_orders is False


rows = st.lists(
    st.builds(
        vote,
        st.sampled_from(["p1", "p2", "p3"]),
        st.just("base"),
        st.just("new"),
        st.sampled_from(["a", "b", "tie", None]),
        st.sampled_from(["r1", "r2"]),
        repeat=st.integers(0, 1),
        revision=st.integers(1, 3),
        status=st.sampled_from(["submitted", "skipped", "void"]),
        arm=st.sampled_from(["as_is", "plain"]),
    ).flatmap(lambda v: st.sampled_from([v, v.model_copy(update={"system_a": "new", "system_b": "base"})])),
    max_size=25,
)


@given(rows)
def test_current_votes_are_those_of_the_frames(votes: list[Vote]) -> None:
    study = small_study()
    frame = votes_of(study, *votes)
    found, outside = code_votes(StudyIndex.of(study), frame, study.config.keys)
    expected = current_votes(frame)
    assert outside == 0
    assert [found.names[rater] for rater in found.who] == expected["rater"].tolist()
    assert found.outcomes["overall"].tolist() == expected["outcome.overall"].tolist()
    assert found.repeat.tolist() == expected["repeat"].tolist()


@given(rows)
def test_two_systems_shares_and_ties_make_the_win_rate(votes: list[Vote]) -> None:
    rates = people(small_study(), *votes).rates
    if rates.n:
        base, new = rates.shares["base"].estimate, rates.shares["new"].estimate
        tie, rate = rates.tie_share.estimate, rates.win_rate["new>base"].estimate
        assert base is not None and new is not None and tie is not None
        assert base + new + tie == pytest.approx(1)
        assert rate == pytest.approx(new + tie / 2)


def test_ids_and_row_order_do_not_matter() -> None:
    rng = np.random.default_rng(5)
    study = small_study(tuple(f"p{number}" for number in range(30)), ("base", "one", "two"))
    votes = [
        vote(pair.prompt_id, *sides, str(rng.choice(["a", "b", "tie"])), rater)
        for pair in study.pairs
        for rater, sides in (("r1", (pair.first, pair.second)), ("r2", (pair.second, pair.first)))
    ]
    shuffled = [votes[place] for place in rng.permutation(len(votes))]
    one, other = people(study, *votes), people(study, *shuffled)
    for label, rate in one.rates.win_rate.items():
        assert other.rates.win_rate[label].low == pytest.approx(rate.low)
