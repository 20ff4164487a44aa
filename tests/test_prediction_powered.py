"""Prediction-powered win rate: against a peer, with a useless judge, and the conditions under which it is given."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_studies import R1, R2, small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from eval.statistics.clustered import clustered_mean
from eval.statistics.combined import NOT_RANDOM
from eval.statistics.interval import Interval
from eval.statistics.prediction_powered import prediction_powered
from ppai.frames import assignment_frame, showings
from ppai.schema import Arm, Assignment, Study, Verdict, Vote


def ends(found: Interval) -> tuple[float, float, float]:
    assert found.low is not None and found.estimate is not None and found.high is not None
    return found.low, found.estimate, found.high


def width(found: Interval) -> float:
    low, _, high = ends(found)
    return high - low


def drawn(n: int, others: int, right: float, seed: int, rate: float = 0.6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, a judge's outcomes on the same prompts, and on others; it says what a rater would with share `right`."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n + others) < rate).astype(float)
    judged = np.where(rng.random(n + others) < right, truth, 1 - truth)
    return truth[:n], judged[:n], judged[n:]


def test_the_peer_agrees_where_there_is_much_data() -> None:
    peer = pytest.importorskip("ppi_py")
    labels, judged, others = drawn(1000, 5000, 0.85, seed=1)
    found = prediction_powered(labels, judged, others)
    low, high = (float(end[0]) for end in peer.ppi_mean_ci(labels, judged, others, alpha=0.05))
    assert ends(found.interval) == pytest.approx(
        (low, float(peer.ppi_mean_pointestimate(labels, judged, others)[0]), high), abs=2e-3
    )
    variance = np.var(np.append(judged, others))
    assert found.tuned == pytest.approx(np.cov(labels, judged)[0, 1] / (variance * 1.2), abs=0.02)


def test_a_good_judge_saves_votes_and_a_useless_one_costs_none() -> None:
    good = prediction_powered(*drawn(200, 2000, 0.95, seed=2))
    assert 0.8 < good.tuned < 0.95 and good.effective > 400
    rng = np.random.default_rng(3)
    labels = drawn(200, 0, 1.0, seed=3)[0]
    useless = prediction_powered(labels, rng.integers(0, 2, 200).astype(float), rng.integers(0, 2, 2000).astype(float))
    alone = clustered_mean(labels, np.arange(200))
    assert width(useless.interval) < 1.05 * width(alone)
    assert useless.effective == pytest.approx(200, rel=0.06)


def test_lambda_one_would_have_widened_it() -> None:
    """A judge that is right in 60%: trusted fully it makes the interval wider than people's own."""
    peer = pytest.importorskip("ppi_py")
    labels, judged, others = drawn(200, 2000, 0.6, seed=4)
    low, high = peer.ppi_mean_ci(labels, judged, others, alpha=0.05, lam=1)
    alone = width(clustered_mean(labels, np.arange(200)))
    assert float(high[0] - low[0]) > 1.15 * alone
    assert width(prediction_powered(labels, judged, others).interval) < 1.03 * alone


@pytest.mark.parametrize("say", [0.0, 0.5, 1.0])
def test_a_judge_that_never_varies_leaves_the_labels_alone(say: float) -> None:
    labels = drawn(40, 0, 1.0, seed=5)[0]
    found = prediction_powered(labels, np.full(40, say), np.full(100, say))
    assert (found.tuned, found.effective) == (0, 40)
    assert found.interval.estimate == pytest.approx(labels.mean())
    assert width(found.interval) == pytest.approx(
        width(clustered_mean(labels, np.arange(40))) * 2.0227 / 1.96, rel=0.02
    )


def test_a_judge_that_is_always_wrong_is_not_turned_around() -> None:
    assert prediction_powered(*drawn(100, 500, 0.05, seed=6)).tuned == 0


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.98, 1.0])
def test_near_the_ends_it_stays_inside_and_has_a_width(rate: float) -> None:
    for seed in range(20):
        labels, judged, others = drawn(25, 300, 0.9, seed, rate)
        low, estimate, high = ends(prediction_powered(labels, judged, others).interval)
        assert 0 <= low <= estimate <= high <= 1
        assert high - low > 0.02


def test_luck_on_twenty_labels_is_not_taken_for_certainty() -> None:
    labels = np.array([1.0] * 12 + [0.0] * 8)
    found = prediction_powered(labels, labels, np.tile(labels, 100))
    assert 1 < found.effective / 20 < 7
    assert width(found.interval) > 0.15


@pytest.mark.parametrize(("n", "others"), [(9, 10), (20, 0)])
def test_what_cannot_be_cross_fitted_is_refused(n: int, others: int) -> None:
    with pytest.raises(ValueError, match="labelled prompts"):
        prediction_powered(np.ones(n), np.ones(n), np.ones(others))


def test_coverage_with_few_labels() -> None:
    held = 0
    for seed in range(600):
        low, _, high = ends(prediction_powered(*drawn(30, 300, 0.85, seed)).interval)
        held += low <= 0.6 <= high
    assert 0.925 <= held / 600 <= 0.985


def prompts(n: int) -> list[str]:
    return [f"p{number}" for number in range(n)]


def study_of(n: int, **config: Any) -> Study:
    return small_study(prompts(n), **({"labelled": "random"} | config))


def records(labelled: int, n: int, judge: str = "j") -> list[Vote | Verdict]:
    """Two raters on each of the first prompts, a judge in both orders on all; both mostly prefer `new`."""
    rng = np.random.default_rng(7)
    found: list[Vote | Verdict] = []
    for number, prompt in enumerate(prompts(n)):
        truth = "a" if rng.random() < 0.7 else "b"
        said = truth if rng.random() < 0.9 else {"a": "b", "b": "a"}[truth]
        if number < labelled:
            found += [vote(prompt, "new", "base", truth, rater) for rater in (R1, R2)]
        found.append(verdict(prompt, "new", "base", said, judge))
        found.append(verdict(prompt, "base", "new", {"a": "b", "b": "a"}[said], judge))
    return found


def combined(study: Study, given: list[Vote | Verdict], log: pd.DataFrame | None = None) -> dict[str, dict[str, Any]]:
    """By judge."""
    votes = votes_of(study, *(one for one in given if isinstance(one, Vote)))
    verdicts = verdicts_of(study, *(one for one in given if isinstance(one, Verdict)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sources = summarise(study, votes, verdicts, assignments=log).as_json()["criteria"]["overall"]
    return {name: figures for name, figures in sources.items() if name.startswith("combined:")}


def reason(found: dict[str, Any]) -> str:
    rate = found["win_rate"]["new>base"]
    assert rate["estimate"] is None and found["lambda"] is None and found["votes_saved"] is None
    return str(rate["reason"])


def test_in_the_summary_people_and_the_judge_are_one() -> None:
    study = study_of(300)
    given = records(60, 300)
    found = combined(study, given)["combined:j"]
    rate = found["win_rate"]["new>base"]
    assert (found["n"], found["n_labelled"], rate["n"]) == (300, 60, 60)
    assert 0.4 < found["lambda"] <= 1
    assert rate["low"] < 0.7 < rate["high"]
    human = summarise(
        study, votes_of(study, *(one for one in given if isinstance(one, Vote))), verdicts_of(study)
    ).criteria["overall"]["human"]
    assert rate["high"] - rate["low"] < 0.9 * width(human.rates.win_rate["new>base"])
    more = 120 + found["votes_saved"]
    by_votes = 120 * (width(human.rates.win_rate["new>base"]) / (rate["high"] - rate["low"])) ** 2
    assert more == pytest.approx(by_votes, rel=0.1)
    assert found["matchups"]["new>base"]["warning"] is None


def test_few_labels_warn_and_fewer_are_refused() -> None:
    few = combined(study_of(100), records(30, 100))["combined:j"]["matchups"]["new>base"]
    assert few["lambda"] is not None and "only 30 pairs" in few["warning"]
    assert reason(combined(study_of(100), records(19, 100))["combined:j"]) == (
        "19 pairs have votes and a verdict; 20 at least are needed"
    )


def test_without_votes_there_is_nothing_to_combine() -> None:
    assert combined(study_of(50), records(0, 50)) == {}


def test_votes_on_every_pair_need_no_judge() -> None:
    assert "no judged pair is without votes" in reason(combined(study_of(40), records(40, 40))["combined:j"])


def test_skips_are_a_choice() -> None:
    skipped = [vote(f"p{n}", "new", "base", None, "r9", status="skipped") for n in range(60, 70)]
    assert "7.7% of the votes were skipped" in reason(combined(study_of(300), records(60, 300) + skipped)["combined:j"])
    few = combined(study_of(300), records(60, 300) + skipped[:5])["combined:j"]
    assert few["lambda"] is not None


def test_missing_verdicts_are_a_choice_too() -> None:
    given = records(60, 300)
    lacking = {f"p{n}" for n in range(100, 120)}
    kept = [one for one in given if isinstance(one, Vote) or one.prompt_id not in lacking]
    assert combined(study_of(300), kept)["combined:j"]["lambda"] is not None, "never asked is no choice"
    unscored = [verdict(p, *order, None) for p in lacking for order in (("new", "base"), ("base", "new"))]
    assert "6.7% of the pairs have no merged verdict" in reason(combined(study_of(300), kept + unscored)["combined:j"])


def test_the_judge_is_fixed_beforehand() -> None:
    two = records(60, 200, "j") + [one for one in records(0, 200, "k") if isinstance(one, Verdict)]
    none = combined(study_of(200), two)
    assert set(none) == {"combined:j", "combined:k"}
    for found in none.values():
        assert (
            reason(found)
            == "no judge was fixed beforehand; for the next study, name one in study.yaml before anyone votes"
        )
    named = combined(study_of(200, judge="k"), two)
    assert named["combined:k"]["lambda"] is not None
    assert reason(named["combined:j"]) == "the judge that study.yaml fixed beforehand is k"
    absent = combined(study_of(200, judge="other"), records(60, 200))
    assert reason(absent["combined:j"]) == "the judge that study.yaml fixed beforehand is other"


def test_a_judge_of_two_prompts_is_two_judges() -> None:
    given = [
        one.model_copy(update={"prompt_version": f"v{place % 2}"}) if isinstance(one, Verdict) else one
        for place, one in enumerate(records(60, 200))
    ]
    assert reason(combined(study_of(200), given)["combined:j"]).startswith("the judge is 2 prompts or models together")


def log_of(study: Study, given: list[Vote | Verdict], draw: str = "random: 1 of 9 at load 0") -> pd.DataFrame:
    votes = [one for one in given if isinstance(one, Vote)]
    entries = [
        Assignment(
            assignment_id=f"a{number}",
            prompt_id=one.prompt_id,
            system_a=one.system_a,
            system_b=one.system_b,
            rater=one.rater,
            draw=draw,
        )
        for number, one in enumerate(votes)
    ]
    return showings(assignment_frame(entries), votes_of(study, *votes))


@pytest.mark.parametrize("labelled", [None, "unknown"])
def test_random_draws_are_known_from_the_log(labelled: str | None) -> None:
    study = study_of(200, labelled=labelled)
    given = records(60, 200)
    assert reason(combined(study, given)["combined:j"]) == NOT_RANDOM
    assert reason(combined(study, given, log_of(study, given, "chosen by hand"))["combined:j"]) == NOT_RANDOM
    for draw in ("random: 1 of 9 at load 0", "beyond overlap, random: 1 of 3 at load 3"):
        assert combined(study, given, log_of(study, given, draw))["combined:j"]["lambda"] is not None
    part = log_of(study, given).drop(columns="draw")
    assert reason(combined(study, given, part)["combined:j"]) == NOT_RANDOM
    elsewhere = [*given, vote("p150", "new", "base", "a", "r7")]
    log = showings(log_of(study, given), votes_of(study, *(one for one in elsewhere if isinstance(one, Vote))))
    assert reason(combined(study, elsewhere, log)["combined:j"]) == NOT_RANDOM


def test_a_log_that_contradicts_study_yaml_is_told() -> None:
    study, given = study_of(200), records(60, 200)

    def warning(log: pd.DataFrame | None) -> str | None:
        found = combined(study, given, log)["combined:j"]["matchups"]["new>base"]
        assert found["lambda"] is not None, "what study.yaml says stands"
        told: str | None = found["warning"]
        return told

    at_random, by_hand = log_of(study, given), log_of(study, given, "chosen by hand")
    # Without a log, with one that says the same, and with one that has none of the votes, there is nothing to tell.
    for log in (None, at_random, log_of(study, given, ""), at_random.drop(columns="draw")):
        assert warning(log) is None
    says = "study.yaml says `labelled: random`; of the 120 votes the assignment log"
    assert warning(by_hand) == f"{says} has 120 as not drawn at random"
    assert warning(at_random.iloc[:90]) == f"{says} does not have 30"
    mixed = pd.concat([at_random.iloc[:60], by_hand.iloc[60:100]])
    assert warning(mixed) == f"{says} has 40 as not drawn at random and does not have 20"
    few = combined(study, records(30, 200), by_hand)["combined:j"]["matchups"]["new>base"]["warning"]
    assert few.startswith("only 30 pairs have votes") and few.endswith("has 60 as not drawn at random")


def test_arms_are_combined_apart() -> None:
    study = study_of(100)
    plain = [one.model_copy(update={"arm": Arm.PLAIN}) for one in records(30, 100)]
    votes = votes_of(study, *(one for one in plain if isinstance(one, Vote)))
    verdicts = verdicts_of(study, *(one for one in plain if isinstance(one, Verdict)))
    found = summarise(study, votes, verdicts).as_json()
    assert "combined:j" not in found["criteria"]["overall"]
    assert found["arms"]["plain"]["criteria"]["overall"]["combined:j"]["lambda"] is not None


def test_three_systems_are_combined_by_matchup() -> None:
    names = prompts(120)
    study = small_study(names, ("base", "new", "third"), labelled="random")
    given = records(30, 120)
    found = combined(study, given)["combined:j"]
    assert set(found["win_rate"]) == set(found["matchups"]) == {"new>base", "third>base", "new>third"}
    assert found["lambda"] is None and found["matchups"]["new>base"]["lambda"] is not None
    assert found["win_rate"]["third>base"]["reason"] == "no votes"
    assert found["votes_saved"] == found["matchups"]["new>base"]["votes_saved"]
