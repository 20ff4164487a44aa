"""Length control: the published study's numbers, a peer's logit, separation, overlap, and what has no answer."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_studies import small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from eval.statistics.interval import Interval
from eval.statistics.length_control import NO_LENGTHS, ONE_DIFFERENCE, TOO_FEW, LengthControl, length_control
from eval.statistics.pairs import PairOutcomes
from eval.statistics.study_index import StudyIndex
from ppai.frames import verdict_frame, vote_frame

PUBLISHED = Path(__file__).parents[2] / "shared" / "data" / "published_study"


def controlled(differences: object, scores: object, confidence: float = 0.95) -> LengthControl:
    """One pair a prompt: x's length less y's, and the mean outcome for x. Every warning is an error."""
    difference, score = np.asarray(differences, dtype=float), np.asarray(scores, dtype=float)
    n = len(score)
    lengths = np.stack([np.full(n, 1e6), 1e6 + difference], axis=1)
    index = StudyIndex(tuple(map(str, range(n))), ("y", "x"), 0, lengths, np.array([1]), np.array([n]))
    pairs = PairOutcomes(np.arange(n), np.ones(n, dtype=np.int64), score, np.zeros(n), np.zeros(n))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return length_control(pairs, index, confidence=confidence)


def rate(differences: object, scores: object) -> Interval:
    return controlled(differences, scores).rates["x>y"]


def ends(found: Interval) -> tuple[float, float, float]:
    assert found.low is not None and found.estimate is not None and found.high is not None
    return found.low, found.estimate, found.high


def test_the_published_study_is_not_centred() -> None:
    """Raw .28; a difference of 0 is what is asked for: .297, where centring would answer .256, the wrong way."""
    if not PUBLISHED.is_dir():
        pytest.skip(f"{PUBLISHED} is absent")
    from ppai.studyfiles import read_study

    study = read_study(PUBLISHED)
    keys = study.config.keys
    found = summarise(study, vote_frame(study.votes, keys), verdict_frame(study.verdicts, keys)).criteria
    overall = found["overall"]["judge:gpt-4o"].as_json()
    assert overall["win_rate"]["finetuned>base"]["estimate"] == pytest.approx(0.28)
    assert overall["length_controlled"]["finetuned>base"]["estimate"] == pytest.approx(0.297, abs=5e-4)
    assert overall["length_overlap"]["finetuned>base"] == {
        "x_longer": 0.41,
        "y_longer": 0.59,
        "extrapolated": False,
        "warning": None,
    }


def simulated(n: int, seed: int, effect: float = 1.0, mean: float = 200.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    difference = np.rint(rng.normal(mean, 400, n))
    term = np.tanh(difference / np.sqrt(np.mean(difference**2)))
    return difference, (rng.random(n) < 1 / (1 + np.exp(-0.3 - effect * term))).astype(float)


def test_a_peers_logit_with_robust_errors() -> None:
    import statsmodels.api as sm

    difference, score = simulated(2000, seed=1)
    term = np.tanh(difference / np.sqrt(np.mean(difference**2)))
    peer = sm.GLM(score, sm.add_constant(term), family=sm.families.Binomial()).fit(cov_type="HC0")
    low, estimate, high = ends(rate(difference, score))
    logits = [np.log(end / (1 - end)) for end in (low, estimate, high)]
    assert logits[1] == pytest.approx(peer.params[0], abs=1e-3)
    assert (logits[0], logits[2]) == pytest.approx(tuple(peer.conf_int()[0]), abs=0.01)


def test_where_length_wins_the_rate_is_adjusted_and_elsewhere_it_is_not() -> None:
    difference, score = simulated(4000, seed=2, effect=2.0, mean=400)
    low, _, high = ends(rate(difference, score))
    assert np.mean(score) > 0.7 > high
    assert low < 1 / (1 + np.exp(-0.3)) < high
    difference, score = simulated(4000, seed=3, effect=0.0)
    assert ends(rate(difference, score))[1] == pytest.approx(score.mean(), abs=0.01)


@given(st.lists(st.tuples(st.integers(-900, 900), st.sampled_from([0, 0.25, 0.5, 1])), min_size=18, max_size=45))
def test_always_an_interval_or_a_reason_and_its_mirror_image(rows: list[tuple[int, float]]) -> None:
    differences, scores = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    one, other = rate(differences, scores), rate(-differences, 1 - scores)
    assert one.reason == other.reason
    if one.estimate is not None:
        low, estimate, high = ends(one)
        assert 0 <= low < high <= 1
        assert ends(other) == pytest.approx((1 - high, 1 - estimate, 1 - low), abs=1e-6)


@pytest.mark.parametrize("n", [20, 200])
def test_outcomes_and_lengths_that_separate_have_a_finite_answer(n: int) -> None:
    difference = np.where(np.arange(n) % 2, 300.0, -200.0) + 150 * np.arange(n) / n
    low, estimate, _ = ends(rate(difference, np.ones(n)))
    assert estimate > 0.9 and low < estimate
    low, _, high = ends(rate(difference, difference > 0))
    assert low < 0.1 and high > 0.75, "who is better at equal length is not known where the longer always wins"


def test_equal_lengths_leave_the_raw_rate() -> None:
    low, estimate, high = ends(rate(np.zeros(100), np.arange(100) < 30))
    assert (low, estimate, high) == pytest.approx((0.219, 0.3, 0.396), abs=0.008)


def test_one_system_that_is_nearly_always_longer_is_extrapolated() -> None:
    difference = np.append(np.linspace(300, 900, 95), np.linspace(-300, -100, 5))
    found = controlled(difference, np.arange(100) % 3 > 0)
    overlap = found.overlap["x>y"]
    assert overlap is not None and overlap.extrapolated
    assert found.as_json()["length_overlap"]["x>y"]["warning"] == (
        "x>y: x's response is longer in 95% of the pairs: the rate at equal length is extrapolated by the model"
    )
    always = ends(rate(np.linspace(300, 900, 100), np.arange(100) % 3 > 0))
    mixed = ends(rate(np.linspace(-900, 900, 100), np.arange(100) % 3 > 0))
    assert always[2] - always[0] > 2 * (mixed[2] - mixed[0])
    half = controlled([5, -5, 0], [1, 0, 1]).overlap["x>y"]
    assert half is not None and not half.extrapolated and half.warning("x>y") is None


def test_a_difference_that_never_varies_has_no_answer() -> None:
    assert rate(np.full(50, 300.0), np.arange(50) % 2).reason == ONE_DIFFERENCE


def test_a_handful_of_prompts_is_not_adjusted() -> None:
    def of(n: int) -> Interval:
        return rate(np.where(np.arange(n) % 2, 300.0, -200.0), np.arange(n) % 3 == 0)

    few, more = of(19), of(20)
    assert (few.estimate, few.low, few.high, few.reason, few.n) == (None, None, None, TOO_FEW, 19)
    assert more.estimate is not None and more.reason is None and more.n == 20


def test_in_the_summary_lengths_are_those_that_are_known() -> None:
    lengths = {("p1", "new"): 30, ("p2", "new"): 5, ("p3", "new"): 10}
    study = small_study(lengths=lengths)
    votes = votes_of(study, *(vote(p, "new", "base", o) for p, o in (("p1", "a"), ("p2", "b"), ("p3", "tie"))))
    judged = verdicts_of(study, verdict("p1", "new", "base", "a"))
    found = summarise(study, votes, judged).criteria["overall"]
    assert found["human"].lengths.rates["new>base"].n == 3
    overlap = found["human"].lengths.overlap["new>base"]
    assert overlap is not None and (overlap.x_longer, overlap.y_longer) == pytest.approx((1 / 3, 1 / 3))
    gone = study.model_copy(update={"responses": study.responses[:1]})
    without = summarise(gone, votes, judged).criteria["overall"]["human"].as_json()
    assert without["length_controlled"]["new>base"]["reason"] == NO_LENGTHS
    assert without["length_overlap"] == {"new>base": None}
    assert summarise(study, votes_of(study), judged).criteria["overall"]["human"].lengths.rates["new>base"].n == 0


def test_matchups_are_adjusted_apart() -> None:
    rng = np.random.default_rng(5)
    names = [f"p{n}" for n in range(60)]
    lengths = {(p, s): int(rng.integers(5, 60)) for p in names for s in ("base", "one", "two")}
    study = small_study(names, ("base", "one", "two"), lengths=lengths)
    votes = [vote(p, s, "base", "ab"[int(rng.random() < w)]) for p in names for s, w in (("one", 0.3), ("two", 0.8))]

    def of(system: str, several: bool) -> Interval:
        chosen = [one for one in votes if several or one.system_a == system]
        found = summarise(study, votes_of(study, *chosen), verdicts_of(study)).criteria["overall"]["human"]
        return found.lengths.rates[f"{system}>base"]

    for system in ("one", "two"):
        assert ends(of(system, True)) == pytest.approx(ends(of(system, False)))
