"""Agreement among people: coded by the system that won, over pairs of votes on one pair, repeats apart."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import krippendorff
import numpy as np
import pytest
from small_studies import R1, R2, R3, small_study, verdicts_of, vote, votes_of

from eval.report import summarise
from eval.statistics.agreement import NO_DECISIVE_VOTES, NO_TWO_VOTES
from eval.statistics.human_agreement import RATERS_COMPARED, HumanAgreement
from eval.statistics.repeats import NO_REPEATS
from ppai.frames import verdict_frame, vote_frame
from ppai.schema import Study, Vote
from ppai.studyfiles import read_study


def people(study: Study, *votes: Vote, confidence: float = 0.95) -> HumanAgreement:
    whole = summarise(study, votes_of(study, *votes), verdicts_of(study), confidence=confidence)
    found = whole.agreement["overall"]["human_human"]
    assert isinstance(found, HumanAgreement)
    return found


def test_all_pairs_of_votes_weigh_the_same() -> None:
    found = people(
        small_study(),
        *(vote("p1", "base", "new", outcome, rater) for outcome, rater in zip("aab", (R1, R2, R3), strict=True)),
        vote("p2", "base", "new", "tie", R1),
        vote("p2", "base", "new", "tie", R2),
        vote("p3", "base", "new", "a", R1),
    )
    assert (found.vote_pairs, found.n_raters) == (4, 3)
    assert (found.with_ties.estimate, found.with_ties.n) == (0.5, 4)
    assert (found.without_ties.estimate, found.without_ties.n) == (pytest.approx(1 / 3), 3)
    assert (found.krippendorff_alpha.n, found.gwet_ac1.n) == (2, 2)


def test_sides_do_not_matter() -> None:
    sides = [("base", "new"), ("new", "base")]
    flip = {"a": "b", "b": "a", "tie": "tie"}
    outcomes = ["a", "tie", "b", "a", "b", "b"]
    cells = [(p, r, outcomes[(i + j) % 6]) for i, p in enumerate(("p1", "p2", "p3")) for j, r in enumerate((R1, R2))]
    straight = people(small_study(), *(vote(p, *sides[0], o, r) for p, r, o in cells))
    mixed = people(
        small_study(),
        *(vote(p, *sides[n % 2], flip[o] if n % 2 else o, r) for n, (p, r, o) in enumerate(cells)),
    )
    assert mixed.as_json() == straight.as_json()


def test_alpha_and_kappa_follow_the_code_points_of_the_ids() -> None:
    """`Z` stands before `a`, and the study lists them otherwise; the reference turns the matchups of win rates."""
    systems, rng = ("a", "Z", "m"), np.random.default_rng(3)
    study = small_study([f"p{n}" for n in range(12)], systems, reference="a")
    votes, coded = [], {R1: [], R2: []}
    for prompt in study.prompts:
        for one, other in combinations(systems, 2):
            winner = [one, other][rng.integers(2)]
            for rater in (R1, R2):
                choice = winner if rng.random() < 0.7 else [one, other, None][rng.integers(3)]
                a, b = (one, other) if rng.random() < 0.5 else (other, one)
                outcome = {a: "a", b: "b", None: "tie"}[choice]
                votes.append(vote(prompt.id, a, b, outcome, rater))
                coded[rater].append(1 if choice is None else 2 * [*sorted((one, other))].index(choice))
    found = people(study, *votes)
    values = np.array([coded[R1], coded[R2]], dtype=float)
    for level, interval in (("nominal", found.krippendorff_alpha), ("ordinal", found.krippendorff_alpha_ordinal)):
        expected = krippendorff.alpha(reliability_data=values, level_of_measurement=level)
        assert interval.estimate == pytest.approx(expected)
    turned = values.copy()
    turned[:, ::2] = 2 - turned[:, ::2]
    other_coding = krippendorff.alpha(reliability_data=turned, level_of_measurement="nominal")
    assert found.krippendorff_alpha.estimate != pytest.approx(other_coding, abs=1e-6)


def test_skipped_void_and_unanswered_are_no_votes() -> None:
    votes = [vote("p1", "base", "new", "a", R1), vote("p1", "base", "new", "a", R2)]
    alone = people(small_study(), *votes)
    together = people(
        small_study(),
        *votes,
        vote("p1", "base", "new", "b", R3, revision=1),
        vote("p1", "base", "new", None, R3, revision=2, status="void"),
        vote("p2", "base", "new", None, R1, status="skipped"),
        vote("p2", "base", "new", None, R2),
    )
    assert together.as_json() == alone.as_json()


def test_hidden_repeats_serve_test_retest_alone() -> None:
    votes = [vote("p1", "base", "new", "a"), vote("p2", "base", "new", "tie"), vote("p3", "base", "new", "a", R2)]
    again = [
        vote("p1", "new", "base", "b", repeat=1),
        vote("p1", "new", "base", "a", repeat=2),
        vote("p2", "base", "new", "tie", repeat=1),
        vote("p3", "base", "new", "b", R1, repeat=1),
        vote("p3", "base", "new", None, R2, repeat=1, status="skipped"),
    ]
    found = people(small_study(), *votes, *again)
    assert (found.test_retest.estimate, found.test_retest.n) == (pytest.approx(2 / 3), 3)
    without = people(small_study(), *votes)
    assert without.test_retest.reason == NO_REPEATS
    assert found.as_json() | {"test_retest": None} == without.as_json() | {"test_retest": None}


def test_kappa_of_every_two_raters() -> None:
    """Two raters of Cohen's textbook table, 20 and 15 agreements of 50: kappa .4."""
    study = small_study([f"p{n}" for n in range(50)])
    said = ["aa"] * 20 + ["ab"] * 5 + ["ba"] * 10 + ["bb"] * 15
    votes = [vote(f"p{n}", "base", "new", o, r) for n, pair in enumerate(said) for o, r in zip(pair, "rs", strict=True)]
    found = people(study, *votes, vote("p0", "base", "new", "a", "t"))
    assert found.raters == {"r|s": pytest.approx(0.4), "r|t": None, "s|t": None}
    assert people(small_study(), vote("p1", "base", "new", "a", R1), vote("p2", "base", "new", "a", R2)).raters == {}


def test_raters_with_most_votes_are_compared() -> None:
    names = [f"r{n:02d}" for n in range(RATERS_COMPARED + 3)]
    study = small_study(["p1", "p2", "p3"])
    votes = [vote("p1", "base", "new", "a", name) for name in names]
    votes += [vote("p2", "base", "new", "b", name) for name in names[3:]]
    found = people(study, *votes)
    assert list(found.raters) == [f"{r}|{s}" for r, s in combinations(names[3:], 2)]
    assert found.n_raters == len(names)
    assert set(found.raters.values()) == {1.0}


def test_too_little_gives_reasons() -> None:
    nobody, single = people(small_study()), people(small_study(), vote("p1", "base", "new", "a"))
    for found in (nobody, single):
        assert found.vote_pairs == 0
        assert found.with_ties.reason == found.krippendorff_alpha.reason == found.gwet_ac1.reason == NO_TWO_VOTES
        assert (found.without_ties.reason, found.fleiss_kappa, found.raters) == (NO_DECISIVE_VOTES, None, {})
    ties = people(small_study(), vote("p1", "base", "new", "tie", R1), vote("p1", "base", "new", "tie", R2))
    assert (ties.with_ties.estimate, ties.gwet_ac1.estimate, ties.fleiss_kappa) == (1, 1, None)
    assert ties.without_ties.reason == NO_DECISIVE_VOTES
    assert ties.krippendorff_alpha.reason and "every outcome is the same" in ties.krippendorff_alpha.reason


def test_confidence_reaches_every_interval() -> None:
    study = small_study([f"p{n}" for n in range(20)])
    votes = [vote(f"p{n}", "base", "new", "ab"[(n * r) % 3 % 2], f"r{r}") for n in range(20) for r in (1, 2)]
    votes += [vote(f"p{n}", "base", "new", "a", "r1", repeat=1) for n in range(20)]
    wide, narrow = people(study, *votes).as_json(), people(study, *votes, confidence=0.8).as_json()
    intervals = [name for name, value in wide.items() if isinstance(value, dict) and "low" in value]
    assert len(intervals) == 6
    for name in intervals:
        assert wide[name]["low"] < narrow[name]["low"] < narrow[name]["high"] <= wide[name]["high"]


def test_pandalms_annotators(pandalm_study: Path) -> None:
    study = read_study(pandalm_study)
    keys = study.config.keys
    whole = summarise(study, vote_frame(study.votes, keys), verdict_frame(study.verdicts, keys))
    found = whole.agreement["overall"]["human_human"]
    assert isinstance(found, HumanAgreement)
    assert found.raters == {
        "annotator1|annotator2": pytest.approx(0.852, abs=5e-4),
        "annotator1|annotator3": pytest.approx(0.879, abs=5e-4),
        "annotator2|annotator3": pytest.approx(0.862, abs=5e-4),
    }
    assert found.fleiss_kappa == pytest.approx(0.8642, abs=5e-5)
    assert found.krippendorff_alpha.estimate == pytest.approx(0.8642, abs=5e-5)
    assert found.krippendorff_alpha.n == 999
    assert found.vote_pairs == 3 * 999
