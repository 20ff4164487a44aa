"""The confidence sequence of a win rate: which prompts enter, in what order, and what it allows to say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from small_studies import R1, R2, R3, small_study, vote, votes_of

from eval.statistics.betting import sequence_bounds
from eval.statistics.coding import code_votes
from eval.statistics.completion import BY_PROMPT, BY_TIME, completed_pairs
from eval.statistics.decision import Decision
from eval.statistics.rows import VoteRows
from eval.statistics.sequence import DRIFT, ConfidenceSequence, confidence_sequence, follow
from eval.statistics.source import counted
from eval.statistics.study_index import StudyIndex
from ppai.frames import current_votes
from ppai.schema import Criterion, Study, Vote

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def at(minute: int) -> dict[str, Any]:
    return {"created_at": BEGIN + timedelta(minutes=minute)}


def rows(study: Study, *votes: Vote) -> VoteRows:
    return counted(code_votes(StudyIndex.of(study), votes_of(study, *votes), study.config.keys)[0])


def completed(study: Study, *votes: Vote, overlap: int = 2, key: str = "overall") -> tuple[list[str], list[float], str]:
    done = completed_pairs(rows(study, *votes), key, 1, overlap)
    prompts = [study.prompts[place].id for place in done.prompt.tolist()]
    return prompts, done.value.tolist(), done.order


def test_a_prompt_enters_when_its_last_wanted_vote_comes() -> None:
    votes = [
        vote("p1", "base", "new", "b", R1, **at(0)),
        vote("p2", "new", "base", "tie", R1, **at(1)),
        vote("p3", "new", "base", "a", R1, **at(2)),
        vote("p2", "new", "base", "b", R2, **at(3)),
        vote("p1", "new", "base", "a", R2, **at(4)),
    ]
    assert completed(small_study(), *votes) == (["p2", "p1"], [0.25, 1.0], BY_TIME)
    assert completed(small_study(), *reversed(votes)) == (["p2", "p1"], [0.25, 1.0], BY_TIME)


def test_later_votes_change_no_look() -> None:
    votes = [
        vote("p1", "new", "base", outcome, rater, **at(n))
        for n, (outcome, rater) in enumerate(zip("abb", (R1, R2, R3), strict=True))
    ]
    assert completed(small_study(), *votes[:2]) == completed(small_study(), *votes) == (["p1"], [0.5], BY_TIME)


def test_a_later_revision_moves_no_prompt() -> None:
    votes = [vote(p, "new", "base", "a", R1, **at(n)) for n, p in enumerate(("p1", "p2", "p3"))]
    revised = vote("p1", "new", "base", "b", R1, revision=2, **at(60))
    assert completed(small_study(), *votes, revised, overlap=1)[:2] == (["p1", "p2", "p3"], [0.0, 1.0, 1.0])
    frame = current_votes(votes_of(small_study(), *votes, revised))
    again = counted(code_votes(StudyIndex.of(small_study()), frame, ("overall",))[0])
    assert completed_pairs(again, "overall", 1, 1).prompt.tolist() == [0, 1, 2], "also of current votes alone"


def test_a_skip_that_was_answered_later_enters_when_it_was_answered() -> None:
    skipped = vote("p1", "new", "base", None, R1, status="skipped", **at(0))
    answered = vote("p1", "new", "base", "a", R1, revision=2, **at(9))
    other = vote("p2", "new", "base", "a", R1, **at(5))
    assert completed(small_study(), skipped, other, answered, overlap=1)[0] == ["p2", "p1"]


def test_without_times_the_order_is_that_of_the_prompts() -> None:
    votes = [
        vote("p2", "new", "base", "a", R1, **at(0)),
        vote("p1", "new", "base", "b", R1, **at(1)),
        vote("p3", "new", "base", "tie", R1),
    ]
    assert completed(small_study(), *votes, overlap=1) == (["p1", "p2", "p3"], [0.0, 1.0, 0.5], BY_PROMPT)


def test_skipped_votes_and_repeats_complete_nothing() -> None:
    votes = [
        vote("p1", "new", "base", "a", R1, **at(0)),
        vote("p1", "base", "new", "a", R1, repeat=1, **at(1)),
        vote("p1", "new", "base", None, R2, status="skipped", **at(2)),
    ]
    assert completed(small_study(), *votes)[0] == []


def test_a_criterion_that_nobody_answered_leaves_the_prompt_out() -> None:
    criteria = (Criterion(key="tone", question="?"), Criterion(key="overall", question="?"))
    votes = [
        vote("p1", "new", "base", {"overall": "a"}, R1, **at(0)),
        vote("p2", "new", "base", {"overall": "a", "tone": "b"}, R1, **at(1)),
        vote("p2", "new", "base", {"overall": "a"}, R2, **at(2)),
        vote("p1", "new", "base", {"overall": "b"}, R2, **at(3)),
    ]
    study = small_study(criteria=criteria)
    assert completed(study, *votes, key="tone") == (["p2"], [0.0], BY_TIME)
    assert completed(study, *votes) == (["p2", "p1"], [1.0, 0.5], BY_TIME)


def test_a_clear_difference_is_decided_and_stays_so() -> None:
    found = confidence_sequence([1.0] * 30 + [0.0, 1.0] * 10, margin=0.05)
    assert (found.decision, found.needed, found.in_reach) == (Decision.DECIDED, 0, True)
    assert found.decided_at is not None and found.decided_at < 30
    assert found.low[found.decided_at - 1] > 0.5 >= found.low[found.decided_at - 2]
    assert "Decided after" in found.sentence("new", "base") and "new wins more often" in found.sentence("new", "base")
    mirrored = confidence_sequence([0.0] * 30 + [1.0, 0.0] * 10, margin=0.05)
    assert mirrored.decided_at == found.decided_at
    assert ": base wins more often" in mirrored.sentence("new", "base")


def test_the_rate_that_is_told_is_the_winners() -> None:
    now = confidence_sequence([1.0] * 30 + [0.0, 1.0] * 10).interval
    assert now.estimate == 0.8 and now.low is not None and now.high is not None
    seen = f"80% [{100 * now.low:.0f}, {100 * now.high:.0f}] over 50 completed prompts)."
    won = confidence_sequence([1.0] * 30 + [0.0, 1.0] * 10).sentence("new", "base")
    lost = confidence_sequence([0.0] * 30 + [1.0, 0.0] * 10).sentence("new", "base")
    assert won.endswith(f"new wins more often (win rate of new {seen}")
    assert lost.endswith(f"base wins more often (win rate of base {seen}")
    open_still = confidence_sequence([1.0, 0.0, 0.0]).sentence("new", "base")
    assert open_still.startswith("Undecided: win rate of new 33% [") and "wins" not in open_still


def test_equal_systems_are_equal_once_both_ends_of_the_margin_are_out() -> None:
    values = np.tile([0.0, 1.0, 0.5, 0.5], 100)
    found = confidence_sequence(values, margin=0.1)
    assert found.decision is Decision.EQUAL
    assert found.decided_at == pytest.approx(found.equality_at, rel=0.1)
    assert found.sentence("new", "base").startswith("Equal within 10 points after")
    early = confidence_sequence(values[:20], margin=0.1, n_prompts=400)
    assert early.decision is Decision.UNDECIDED
    assert early.needed is not None and 20 + early.needed == pytest.approx(found.decided_at, abs=20)
    assert early.in_reach and "more prompts decide" in early.sentence("new", "base")


def test_what_is_out_of_reach_is_said() -> None:
    found = confidence_sequence(np.tile([0.0, 1.0], 25), margin=0.05, n_prompts=100)
    assert found.decision is Decision.UNDECIDED and not found.in_reach
    assert found.equality_at is not None and 800 < found.equality_at < 1500
    said = found.sentence("new", "base")
    assert "the study has 50 left: out of reach" in said
    assert (
        f"equal within 5 points is out of reach with the study's 100 prompts: it takes about {found.equality_at:,}"
        in said
    )


def test_prompts_that_contradict_those_before_give_no_interval() -> None:
    found = confidence_sequence([1.0] * 100 + [0.0] * 500)
    assert (found.interval.estimate, found.interval.reason, found.decision) == (None, DRIFT, Decision.UNDECIDED)
    assert DRIFT in found.sentence("new", "base")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("values", [[], [1.0], [0.5], [0.5] * 40, [0.0] * 40, [1.0, 0.0]])
def test_too_little_or_one_class_gives_words_and_json_without_a_warning(values: list[float]) -> None:
    found = confidence_sequence(values, n_prompts=40, empty="no prompt has its 3 votes yet")
    text = json.dumps(found.as_json(), allow_nan=False)
    assert json.loads(text)["interval"]["n"] == len(values)
    assert found.sentence("new", "base").endswith(".")
    if not values:
        assert found.sentence("new", "base") == "Undecided: no prompt has its 3 votes yet."
        assert (found.needed, found.equality_at, found.in_reach) == (None, None, False)


def test_a_margin_must_be_one() -> None:
    for margin in (0.0, 0.5, float("nan")):
        with pytest.raises(ValueError, match="margin"):
            confidence_sequence([1.0], margin=margin)


def following(study: Study, *votes: Vote, **options: Any) -> dict[str, ConfidenceSequence]:
    return dict(follow(rows(study, *votes), "overall", **({"overlap": 1, "margin": 0.05} | options)))


def test_criteria_and_matchups_share_the_error() -> None:
    prompts = [f"p{n}" for n in range(40)]
    votes = [vote(p, "new", "base", "ab"[n % 4 == 0], **at(n)) for n, p in enumerate(prompts)]
    values = [float(n % 4 != 0) for n in range(40)]
    for systems, followed, share in (
        (("base", "new"), 1, 1),
        (("base", "new"), 7, 7),
        (("base", "new", "third"), 2, 6),
    ):
        study = small_study(prompts, systems)
        found = following(study, *votes, followed=followed)["new>base"]
        assert found.low.tolist() == sequence_bounds(values, alpha=0.05 / share)[0].tolist()
        assert found.interval.method.endswith(f", {100 - 5 / share:.4g}%")
    assert found.prompts == tuple(prompts)
    assert following(small_study(prompts), *votes, confidence=0.8)["new>base"].low[-1] > found.low[-1]


def test_every_matchup_has_a_sequence_and_its_own_prompts() -> None:
    study = small_study(("p1", "p2"), ("base", "one", "two"))
    kept = [pair for pair in study.pairs if pair.prompt_id == "p1" or "two" not in (pair.first, pair.second)]
    study = study.model_copy(update={"pairs": tuple(kept)})  # as a pairs file may have it
    found = following(study, vote("p1", "one", "base", "a", **at(0)))
    assert {label: (s.interval.n, s.n_prompts) for label, s in found.items()} == {
        "one>base": (1, 2),
        "two>base": (0, 1),
        "one>two": (0, 1),
    }
    assert found["one>two"].interval.reason == "no prompt has its 1 vote yet"


def test_votes_without_any_study_pairs_are_no_error() -> None:
    assert following(small_study((), ())) == {}
