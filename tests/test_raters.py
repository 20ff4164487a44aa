"""Each rater beside the others, and the figures without flagged raters."""

from __future__ import annotations

import numpy as np
import pytest
from small_studies import R1, R2, R3, small_study, verdicts_of, vote, votes_of

from eval.report import summarise
from eval.statistics.balance import RaterBalance
from eval.statistics.coding import code_votes
from eval.statistics.leave_one_out import NO_OTHERS, leave_one_out
from eval.statistics.pairs import voted_pairs
from eval.statistics.raters import flagged, left_out, moved, unflagged_rates, without_flagged
from eval.statistics.rows import VoteRows
from eval.statistics.source import counted
from eval.statistics.study_index import StudyIndex
from eval.statistics.win_rate import rates
from ppai.schema import Study, Vote


def rows(study: Study, *votes: Vote) -> VoteRows:
    return counted(code_votes(StudyIndex.of(study), votes_of(study, *votes), study.config.keys)[0])


def raters(study: Study, *votes: Vote) -> dict[str, RaterBalance]:
    return dict(summarise(study, votes_of(study, *votes), verdicts_of(study)).balance.raters)


def crowd(n_prompts: int, careless: float, seed: int = 0) -> tuple[Study, list[Vote]]:
    """Three raters who agree in nine of ten cases, and R1, who votes at random in so many."""
    rng, prompts, votes = np.random.default_rng(seed), [f"p{n}" for n in range(n_prompts)], []
    for prompt in prompts:
        likely = rng.random() < 0.5
        for rater, noise in ((R1, careless), (R2, 0.1), (R3, 0.1), ("r4", 0.1)):
            new_wins = bool(rng.random() < 0.5) if rng.random() < noise else likely
            a, b = ("new", "base") if rng.random() < 0.5 else ("base", "new")
            votes.append(vote(prompt, a, b, "a" if new_wins == (a == "new") else "b", rater))
    return small_study(prompts), votes


def test_agreement_with_each_other_vote_by_hand() -> None:
    study = small_study()
    votes = [
        vote("p1", "new", "base", "a", R1),
        vote("p1", "base", "new", "b", R2),
        vote("p1", "new", "base", "tie", R3),
        vote("p2", "new", "base", "b", R1),
        vote("p2", "new", "base", "a", R2),
        vote("p3", "new", "base", "a", R1),
    ]
    found = raters(study, *votes)
    first = found[R1]
    assert (first.n_shared, first.agreement, first.others_agreement) == (2, 0.25, 0)
    third = found[R3]
    assert (third.n_shared, third.agreement, third.others_agreement) == (1, 0, 1)
    gaps = leave_one_out(rows(study, *votes), "overall").gap
    assert [(gap.estimate, gap.n) for gap in gaps] == [(0.5, 1), (0.5, 1), (-1, 1)]


def test_who_votes_alone_is_compared_with_nobody() -> None:
    study = small_study()
    found = raters(study, vote("p1", "new", "base", "a", R1), vote("p2", "new", "base", "a", R2))
    assert (found[R1].n_shared, found[R1].agreement, found[R1].others_agreement, found[R1].flags) == (0, None, None, ())
    assert leave_one_out(rows(study, vote("p1", "new", "base", "a")), "overall").gap[0].reason == NO_OTHERS


@pytest.mark.filterwarnings("error")
def test_no_votes_at_all() -> None:
    study = small_study()
    assert leave_one_out(rows(study), "overall").gap == ()
    assert len(without_flagged(rows(study), {})) == 0
    assert unflagged_rates(rows(study), {}, "overall") is None


def test_a_rater_at_odds_with_the_others_is_flagged() -> None:
    found = raters(*_spread(crowd(40, careless=1.0)))
    assert found[R1].flags == ("disagrees",)
    assert [rater for rater, habits in found.items() if habits.flags] == [R1]
    assert found[R1].agreement == pytest.approx(0.5, abs=0.15)


def test_few_shared_pairs_flag_nobody() -> None:
    assert not flagged(raters(*_spread(crowd(9, careless=1.0))))


def test_raters_like_the_others_are_seldom_flagged() -> None:
    found = [raters(*_spread(crowd(30, careless=0.1, seed=seed))) for seed in range(25)]
    assert sum(len(flagged(one)) for one in found) <= 3  # of 100, at one in two hundred


def test_figures_without_flagged_raters_are_those_of_the_others_alone() -> None:
    study, votes = crowd(40, careless=1.0)
    votes = [one.model_copy(update={"seconds": 2.0}) if one.rater == R1 else one for one in votes]
    everyone = rows(study, *votes)
    habits = raters(study, *votes)
    assert flagged(habits) == left_out(habits) == (R1,)
    others = rows(study, *(v for v in votes if v.rater != R1))
    kept = without_flagged(everyone, habits)
    assert len(kept) == 120
    found = unflagged_rates(everyone, habits, "overall")
    assert found is not None
    assert found.as_json() == rates(voted_pairs(others, "overall"), others.index).as_json()
    all_rates = rates(voted_pairs(everyone, "overall"), everyone.index)
    assert all_rates.win_rate["new>base"].estimate is not None and found.win_rate["new>base"].estimate is not None
    by = found.win_rate["new>base"].estimate - all_rates.win_rate["new>base"].estimate
    assert moved(all_rates, found) == {"new>base": by}
    nobody = rates(voted_pairs(rows(study), "overall"), everyone.index)
    assert moved(all_rates, nobody) == {"new>base": None}
    assert unflagged_rates(others, raters(study, *(v for v in votes if v.rater != R1)), "overall") is None


def test_who_only_disagrees_stays_in() -> None:
    # Leaving out dissenters would turn a divided crowd into a clear majority.
    study, votes = crowd(40, careless=1.0)
    habits = raters(study, *votes)
    assert (flagged(habits), left_out(habits)) == ((R1,), ())
    assert unflagged_rates(rows(study, *votes), habits, "overall") is None


def _spread(made: tuple[Study, list[Vote]]) -> list[Study | Vote]:
    return [made[0], *made[1]]
