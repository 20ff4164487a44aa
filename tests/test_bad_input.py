"""Whatever a study holds, each figure of its summary is finite or null with a reason, without a warning."""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_studies import small_study, verdict, verdicts_of, vote, votes_of

from eval import report as statistics
from eval.report import summarise
from ppai.frames import guess_frame
from ppai.markdown_report import markdown_report
from ppai.report_json import report_json
from ppai.schema import Criterion, Study, Verdict, Vote
from ppai.static_report.arms import arm_reports
from ppai.ui.report import Data
from ppai.ui.report_view import Place, section_html

SYSTEMS = ("base", "new", "third")
PROMPTS = ("p1", "p2", "p3", "p4")
TWO_CRITERIA = tuple(Criterion(key=key, question=key) for key in ("overall", "clarity"))


def summary(study: Study, records: list[Vote | Verdict], **options: Any) -> dict[str, Any]:
    votes = votes_of(study, *(one for one in records if isinstance(one, Vote)))
    verdicts = verdicts_of(study, *(one for one in records if isinstance(one, Verdict)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = summarise(study, votes, verdicts, **options).as_json()
    read: dict[str, Any] = json.loads(json.dumps(found, allow_nan=False))
    return read


FROM_MINUS_1 = {"krippendorff_alpha", "krippendorff_alpha_ordinal", "gwet_ac1", "cohen_kappa", "gap", "blinding"} | {
    "correlation_interval"
}
UNBOUNDED = {"bradley_terry", "bradley_terry_differences"}
"""Log strengths; every other interval is of a share."""


def faults(value: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Intervals that are out of range, of no width or null without a reason, and other nulls without one."""
    if not isinstance(value, dict):
        return
    if "estimate" in value and (what := fault(value, set(path))):
        yield f"{'/'.join(path)}: {what}"
    if value.get("bradley_terry", "") is None and "bradley_terry" not in value["reasons"]:
        yield f"{'/'.join(path)}/bradley_terry: no reason"
    for key in ("p", "correlation"):
        if value.get(key, "") is None and not value.get("reason"):
            yield f"{'/'.join(path)}/{key}: no reason"
    for key, inner in value.items():
        yield from faults(inner, (*path, key))


def fault(interval: dict[str, Any], names: set[str]) -> str | None:
    low, estimate, high = (interval[name] for name in ("low", "estimate", "high"))
    if estimate is None:
        return None if low is None and high is None and interval["reason"] else "null without a reason"
    lowest, highest = (-math.inf, math.inf) if names & UNBOUNDED else (-1 if names & FROM_MINUS_1 else 0, 1)
    if not lowest <= low <= estimate <= high <= highest:
        return f"{low}, {estimate}, {high}"
    return None if high - low > 1e-6 and interval["n"] > 0 else f"no width, or nothing counted: {interval}"


outcomes = st.sampled_from(["a", "b", "tie"])
answers = st.dictionaries(st.sampled_from(["overall", "clarity"]), outcomes, min_size=1)
pairs = st.sampled_from([pair for two in combinations(SYSTEMS, 2) for pair in (two, two[::-1])])
places = st.sampled_from([*PROMPTS, "unknown"])
raters = st.sampled_from([f"r{n}" for n in range(12)])
votes = st.builds(
    lambda p, pair, answers, rater, status, more: vote(
        p, *pair, answers if status == "submitted" else None, rater, status=status, **more
    ),
    places,
    pairs,
    answers,
    raters,
    st.sampled_from(["submitted"] * 5 + ["skipped", "void"]),
    st.fixed_dictionaries(
        {
            "arm": st.sampled_from(["as_is"] * 3 + ["plain"]),
            "repeat": st.sampled_from([0, 0, 0, 1]),
            "seconds": st.sampled_from([None, 0.0, 30.0]),
        }
    ),
)
verdicts = st.builds(
    lambda p, pair, answers, judge: Verdict(
        judge=judge,
        prompt_id=p,
        system_a=pair[0],
        system_b=pair[1],
        outcomes=answers or {},
        unscored=None if answers else "unreadable",
    ),
    places,
    pairs,
    st.one_of(answers, st.none()),
    st.sampled_from(["j", "k"]),
)
guesses = st.tuples(
    raters,
    st.sampled_from(["as_is", "plain"]),
    st.sampled_from([True, False, None]),
    st.sampled_from(["base", "new", None]),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.one_of(votes, verdicts), max_size=40),
    st.dictionaries(st.tuples(st.sampled_from(PROMPTS), st.sampled_from(SYSTEMS)), st.integers(0, 40)),
    st.fixed_dictionaries(
        {
            "labelled": st.sampled_from([None, "random"]),
            "sides": st.sampled_from(["shown", "file"]),
            "overlap": st.integers(1, 3),
            "margin": st.sampled_from([0.01, 0.3]),
        }
    ),
    st.lists(guesses, max_size=5),
    st.sampled_from([0.5, 0.8, 0.95, 0.999]),
)
def test_any_records_have_a_summary(
    records: list[Vote | Verdict],
    lengths: dict[tuple[str, str], int],
    config: dict[str, Any],
    guessed: list[tuple[str, str, bool | None, str | None]],
    confidence: float,
) -> None:
    topics = {"p1": "sleep", "p2": "sleep", "p3": "food"}
    for systems in (SYSTEMS, SYSTEMS[:2]):
        study = small_study(PROMPTS, systems, lengths, topics, criteria=TWO_CRITERIA, **config)
        found = summary(study, records, guesses=guess_frame(guessed), confidence=confidence)
        assert list(faults(found)) == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 1000),
    st.sampled_from([0.02, 0.3, 0.98]),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.integers(1, 12),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_larger_studies_have_all_figures(seed: int, rate: float, ties: float, n_raters: int, right: float) -> None:
    rng, prompts = np.random.default_rng(seed), [f"p{n}" for n in range(60)]
    lengths = {(p, system): int(rng.integers(0, 50)) for p in prompts for system in SYSTEMS}
    study = small_study(prompts, SYSTEMS, lengths, criteria=TWO_CRITERIA, labelled="random", overlap=1)
    records: list[Vote | Verdict] = []
    for pair in study.pairs:
        said = {key: "tie" if rng.random() < ties else "ab"[int(rng.random() > rate)] for key in study.config.keys}
        if int(pair.prompt_id[1:]) < 40:
            records += [vote(pair.prompt_id, pair.first, pair.second, said, f"r{n}") for n in range(n_raters)]
        judged = said if rng.random() < right else {"overall": str(rng.choice(["a", "b"]))}
        for order in ((pair.first, pair.second), (pair.second, pair.first)):
            outcomes = judged if rng.random() < 0.8 else dict.fromkeys(said, "a")
            records.append(
                Verdict(judge="j", prompt_id=pair.prompt_id, system_a=order[0], system_b=order[1], outcomes=outcomes)
            )
    found = summary(
        study, records, guesses=guess_frame([(f"r{n}", "as_is", bool(n % 2), None) for n in range(n_raters)])
    )
    assert list(faults(found)) == []
    assert found["criteria"]["overall"]["combined:j"]["win_rate"]["new>base"]["estimate"] is not None
    assert found["sequence"]["matchups"]["new>base"]["interval"]["n"] == 40


def both_orders(outcome: str | None, n: int = 4) -> list[Vote | Verdict]:
    return [verdict(f"p{k}", *order, outcome) for k in range(1, n + 1) for order in (SYSTEMS[:2], SYSTEMS[1::-1])]


THIN: dict[str, list[Vote | Verdict]] = {
    "no votes": [],
    "one vote": [vote("p1", "new", "base", "a")],
    "one tie": [vote("p1", "new", "base", "tie")],
    "one rater": [vote(p, "new", "base", side) for p, side in zip(PROMPTS, ("a", "b", "tie", "a"), strict=True)],
    "one class": [vote(p, "new", "base", "a", rater) for p in PROMPTS for rater in ("r1", "r2")],
    "all ties": [vote(p, "new", "base", "tie", rater) for p in PROMPTS for rater in ("r1", "r2")] + both_orders("tie"),
    "disconnected": [vote(p, "new", "base", side) for p in PROMPTS for side in "ab"],
    "one criterion missing": [vote(p, "new", "base", {"clarity": "a"}) for p in PROMPTS],
    "nothing but skipped": [vote(p, "new", "base", None, status="skipped") for p in PROMPTS],
    "all unscored": both_orders(None),
    "one order": [verdict(p, "new", "base", "a") for p in PROMPTS],
    "one of two orders unscored": [verdict(p, "new", "base", "a") for p in PROMPTS]
    + [verdict(p, "base", "new", None) for p in PROMPTS],
    "unknown prompts": [vote("p9", "new", "base", "a"), *(verdict("p9", *order, "a") for order in (SYSTEMS[:2],))],
    "unknown systems": [vote("p1", "new", "other", "a")],
    "repeats alone": [vote("p1", "new", "base", "a", repeat=1)],
    "another arm alone": [vote(p, "new", "base", "a", arm="plain") for p in PROMPTS],
    "both": [vote("p1", "new", "base", "a", rater) for rater in ("r1", "r2")] + both_orders("a", 1),
}


@pytest.mark.parametrize("systems", [SYSTEMS, SYSTEMS[:2], SYSTEMS[1:2], ()], ids=len)
@pytest.mark.parametrize("records", THIN.values(), ids=THIN)
def test_thin_data_has_a_summary(records: list[Vote | Verdict], systems: tuple[str, ...]) -> None:
    empty = dict.fromkeys([(p, system) for p in PROMPTS for system in SYSTEMS], 0)
    for study in (
        small_study(PROMPTS, systems, criteria=TWO_CRITERIA, labelled="random"),
        small_study(PROMPTS, systems, empty, criteria=TWO_CRITERIA, sides="file", overlap=1),
        small_study(PROMPTS[:1], systems, overlap=1, labelled="random"),
        small_study((), systems),
    ):
        found = summary(study, records)
        assert list(faults(found)) == []
        if records is THIN["disconnected"] and systems == SYSTEMS and len(study.prompts) == 4:
            reason = found["criteria"]["overall"]["human"]["reasons"]["bradley_terry"]
            assert "third" in reason and "base" in reason


@pytest.mark.parametrize("records", THIN.values(), ids=THIN)
def test_thin_data_has_a_page_and_tables(records: list[Vote | Verdict]) -> None:
    study = small_study(PROMPTS, SYSTEMS, criteria=TWO_CRITERIA, labelled="random")
    votes = votes_of(study, *(one for one in records if isinstance(one, Vote)))
    verdicts = verdicts_of(study, *(one for one in records if isinstance(one, Verdict)))
    data = Data(study, votes, verdicts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        arms = arm_reports(data, statistics)
        text = markdown_report(arms, report_json(summarise(study, votes, verdicts).as_json(), data))
        page = "".join([text, *(section_html(one, Place()) for arm in arms for one in arm.report.sections)])
    assert re.search(r"\b(nan|inf|None|null)\b", re.sub(r"<[^>]*>", "", page)) is None
    if records is THIN["disconnected"]:
        assert "connects these systems" in page


def many(outcome: str, raters: int = 12, prompts: int = 30) -> list[Vote | Verdict]:
    return [vote(f"p{n}", "new", "base", outcome, f"r{rater}") for n in range(prompts) for rater in range(raters)]


@pytest.mark.parametrize("outcome", ["a", "tie"])
def test_one_class_only(outcome: str) -> None:
    study = small_study([f"p{n}" for n in range(60)], labelled="random")
    judged: list[Vote | Verdict] = [verdict(f"p{n}", "new", "base", outcome) for n in range(60)]
    sources = summary(study, many(outcome) + judged)["criteria"]["overall"]
    expected = {"a": 1.0, "tie": 0.5}[outcome]
    for rate in (
        sources["human"]["win_rate"]["new>base"],
        sources["human"]["win_rate_two_way"]["new>base"],
        sources["human"]["length_controlled"]["new>base"],
        sources["combined:j"]["win_rate"]["new>base"],
    ):
        assert rate["estimate"] == pytest.approx(expected, abs=0.003)
        assert rate["high"] - rate["low"] > 0.02
    assert sources["combined:j"]["lambda"] == 0
    assert sources["human"]["sign_test"]["new>base"]["p"] == (None if outcome == "tie" else pytest.approx(2**-29))


def test_every_interval_is_of_the_confidence_that_was_asked_for() -> None:
    """A 90% interval called 95 is a trap: all of them change with the level."""
    names = [f"p{n}" for n in range(80)]
    lengths = {(p, s): 10 + (7 * n + 3 * len(s)) % 40 for n, p in enumerate(names) for s in SYSTEMS}
    study = small_study(names, SYSTEMS, lengths, labelled="random")
    records: list[Vote | Verdict] = [
        vote(p, a, b, "ab"[(n * 7 + rater * rater + len(a)) % 3 % 2], f"r{rater}")
        for n, p in enumerate(names[:40])
        for a, b in combinations(SYSTEMS, 2)
        for rater in range(12)
    ]
    records += [
        verdict(p, a, b, "ab"[(n * 5 + len(b)) % 3 % 2])
        for n, p in enumerate(names)
        for a, b in combinations(SYSTEMS, 2)
    ]
    wide, narrow = (summary(study, records, confidence=level)["criteria"]["overall"] for level in (0.95, 0.8))
    for source, figure, key in (
        ("human", "win_rate", "new>base"),
        ("human", "win_rate_two_way", "new>base"),
        ("human", "length_controlled", "new>base"),
        ("human", "bradley_terry", "new"),
        ("human", "bradley_terry_differences", "new>base"),
        ("judge:j", "length_controlled", "new>base"),
        ("judge:j", "bradley_terry", "new"),
        ("combined:j", "win_rate", "new>base"),
    ):
        at = [found[source][figure][key] for found in (wide, narrow)]
        assert at[0]["low"] < at[1]["low"] < at[1]["high"] < at[0]["high"], (source, figure)
