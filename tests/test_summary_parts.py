"""The parts of the Summary beyond rates, each as its own functions have it, and asking for few of them."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_studies import R1, R2, R3, small_study, verdict, verdicts_of, vote, votes_of
from test_summary import frames, intervals, shared_study

from eval.report import EVERYTHING, Part, summarise, topics
from eval.statistics.blinding_index import blinding_index
from eval.statistics.coding import code_votes
from eval.statistics.multiplicity import holm
from eval.statistics.pairs import voted_pairs
from eval.statistics.raters import unflagged_rates
from eval.statistics.sequence import follow
from eval.statistics.source import counted
from eval.statistics.study_index import StudyIndex
from eval.statistics.win_rate import grouped_rates, rates
from ppai.frames import guess_frame
from ppai.schema import Criterion, Study, Verdict, Vote

TWO_CRITERIA = (Criterion(key="clarity", question="Which is clearer?"), Criterion(key="overall", question="Which?"))
ORDERS = (("base", "new"), ("new", "base"))


def summary(study: Study, *records: Vote | Verdict, **options: Any) -> dict[str, Any]:
    """The Summary as JSON has it, made with every warning an error."""
    votes = votes_of(study, *(record for record in records if isinstance(record, Vote)))
    verdicts = verdicts_of(study, *(record for record in records if isinstance(record, Verdict)))
    return as_json(study, votes, verdicts, **options)


def as_json(study: Study, votes: pd.DataFrame, verdicts: pd.DataFrame, **options: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = summarise(study, votes, verdicts, **options).as_json()
    read: dict[str, Any] = json.loads(json.dumps(found, allow_nan=False))
    assert read == found
    return read


def prompts(n: int) -> list[str]:
    return [f"p{number}" for number in range(n)]


def wins(n: int, of: int, rater: str = R1, **more: Any) -> list[Vote]:
    """Of `of` prompts the new system wins `n`, on all criteria."""
    return [
        vote(p, "new", "base", dict.fromkeys(("clarity", "overall"), "a" if number < n else "b"), rater, **more)
        for number, p in enumerate(prompts(of))
    ]


def crowd() -> tuple[Study, list[Vote | Verdict]]:
    """Three raters and one judge on 24 prompts of three topics, three systems and two criteria; R3 is too fast."""
    rng = np.random.default_rng(5)
    study = small_study(
        prompts(24),
        ("base", "new", "old"),
        criteria=TWO_CRITERIA,
        topics={p: ("sleep", "food", "play")[number % 3] for number, p in enumerate(prompts(23))},
        labelled="random",
    )
    records: list[Vote | Verdict] = []
    for pair in study.pairs:
        for rater, seconds in ((R1, 60), (R2, 50), (R3, 2)):
            said = {key: str(rng.choice(["a", "b", "tie"], p=[0.5, 0.3, 0.2])) for key in study.config.keys}
            records.append(vote(pair.prompt_id, pair.first, pair.second, said, rater, seconds=seconds))
        for a, b in ((pair.first, pair.second), (pair.second, pair.first)):
            outcomes = {key: str(rng.choice(["a", "b", "tie"])) for key in study.config.keys}
            records.append(Verdict(judge="j", prompt_id=pair.prompt_id, system_a=a, system_b=b, outcomes=outcomes))
    return study, records


class TestSequence:
    def test_is_that_of_the_primary_criterion_with_the_margin_and_overlap_of_the_study(self) -> None:
        study = small_study(prompts(30), criteria=TWO_CRITERIA, primary="clarity", margin=0.1, overlap=1)
        votes = [
            vote(p, "new", "base", {"clarity": "a", "overall": "ab"[number % 2]})
            for number, p in enumerate(prompts(30))
        ]
        found = summary(study, *votes)["sequence"]
        rows = counted(code_votes(StudyIndex.of(study), votes_of(study, *votes), study.config.keys)[0])
        expected = follow(rows, "clarity", overlap=1, margin=0.1)["new>base"]
        assert (found["criterion"], found["overlap"]) == ("clarity", 1)
        told = found["matchups"]["new>base"]
        assert told == {**expected.as_json(), "sentence": expected.sentence("new", "base")}
        assert (told["decision"], told["margin"], told["n_prompts"]) == ("decided", 0.1, 30)
        assert len(told["mean"]) == len(told["low"]) == len(told["high"]) == len(told["prompts"]) == 30

    def test_says_how_many_votes_a_prompt_wants_where_none_has_them(self) -> None:
        found = summary(small_study(), vote("p1", "base", "new", "a"))["sequence"]["matchups"]["new>base"]
        assert found["interval"]["reason"] == "no prompt has its 3 votes yet"
        assert (found["decision"], found["needed"], found["mean"]) == ("undecided", None, [])

    def test_is_each_arms_own(self) -> None:
        study = small_study(prompts(12), criteria=TWO_CRITERIA, overlap=1)
        found = summary(study, *wins(12, 12), *wins(6, 12, arm="plain"))
        decisions = [s["sequence"]["matchups"]["new>base"]["decision"] for s in (found, found["arms"]["plain"])]
        assert decisions == ["decided", "undecided"]


class TestHolm:
    def test_adjusts_for_the_criteria_of_each_source(self) -> None:
        """Ten of ten has p = 2/1024, nine of ten 22/1024: doubled is the smaller, the larger stays."""
        study = small_study(prompts(10), criteria=TWO_CRITERIA)
        votes = [
            vote(p, "new", "base", {"clarity": "a", "overall": "a" if number else "b"})
            for number, p in enumerate(prompts(10))
        ]
        found = summary(study, *votes, verdict("p1", "new", "base", "a"))["criteria"]
        tests = {key: found[key]["human"]["sign_test"]["new>base"] for key in ("clarity", "overall")}
        assert {key: (test["p"], test["p_holm"]) for key, test in tests.items()} == {
            "clarity": (pytest.approx(2 / 1024), pytest.approx(4 / 1024)),
            "overall": (pytest.approx(22 / 1024), pytest.approx(22 / 1024)),
        }
        judged = found["overall"]["judge:j"]["sign_test"]["new>base"]
        assert judged["p"] == judged["p_holm"] == 1, "one criterion that the judge answered is one test"
        assert found["clarity"]["judge:j"]["sign_test"]["new>base"]["p_holm"] is None

    def test_stands_in_topics_and_without_flagged_raters_too(self) -> None:
        study, records = crowd()
        found = summary(study, *records)
        topics = {
            (key, topic): rates for key in study.config.keys for topic, rates in found["topics"][key]["human"].items()
        }
        assert len(topics) > len(study.config.keys), "each topic is one more chance"
        for by_key in (found["without_flagged"], topics):
            given = {key: figures["sign_test"]["new>base"]["p"] for key, figures in by_key.items()}
            assert holm(given) == {key: f["sign_test"]["new>base"]["p_holm"] for key, f in by_key.items()}


class TestCriteria:
    def test_correlations_by_source_in_the_order_of_the_study(self) -> None:
        study = small_study(prompts(4), criteria=TWO_CRITERIA)
        said = [("a", "a"), ("b", "b"), ("a", "b"), ("b", "b")]
        votes = [
            vote(p, "new", "base", dict(zip(("clarity", "overall"), both, strict=True)))
            for p, both in zip(prompts(4), said, strict=True)
        ]
        same = [
            Verdict(judge="j", prompt_id=p, system_a=a, system_b=b, outcomes={"clarity": side, "overall": side})
            for p, side in zip(prompts(4), "aabb", strict=True)
            for a, b in ORDERS[:1]
        ]
        found = summary(study, *votes, *same)
        people = found["correlations"]["human"]["clarity|overall"]
        assert people["equal"]["estimate"] == 0.75
        assert people["correlation"] == pytest.approx(np.corrcoef([1, 0, 1, 0], [1, 0, 0, 0])[0, 1])
        assert found["same_criteria"] == {"human": [], "judge:j": ["clarity|overall"]}

    def test_equal_outcomes_that_never_vary_are_no_question_asked_twice(self) -> None:
        study = small_study(prompts(4), criteria=TWO_CRITERIA)
        found = summary(study, *(vote(p, "new", "base", {"clarity": "a", "overall": "a"}) for p in prompts(4)))
        assert found["correlations"]["human"]["clarity|overall"]["equal"]["estimate"] == 1
        assert found["same_criteria"] == {"human": []}

    def test_one_criterion_has_no_other(self) -> None:
        found = summary(small_study(), vote("p1", "base", "new", "a"))
        assert (found["correlations"], found["same_criteria"]) == ({"human": {}}, {"human": []})


class TestFlaggedRaters:
    def test_figures_without_them_stand_beside(self) -> None:
        study, records = crowd()
        found = summary(study, *records)
        assert found["balance"]["raters"][R3]["flags"] == ["too_fast"]
        others = summary(study, *(one for one in records if not isinstance(one, Vote) or one.rater != R3))
        for key in study.config.keys:
            expected = others["criteria"][key]["human"]
            figures = ("n", "shares", "tie_share", "win_rate", "sign_test")
            assert {name: found["without_flagged"][key][name] for name in figures} == {
                name: expected[name] for name in figures
            }
        rows = counted(code_votes(StudyIndex.of(study), votes_of(study, *only_votes(records)), study.config.keys)[0])
        habits = summarise(study, votes_of(study, *only_votes(records)), verdicts_of(study)).balance.raters
        alone = unflagged_rates(rows, habits, "overall")
        assert alone is not None and alone.n == found["without_flagged"]["overall"]["n"]

    def test_null_where_nobody_is_flagged(self) -> None:
        assert summary(small_study(), vote("p1", "base", "new", "a"))["without_flagged"] == {"overall": None}

    def test_all_flagged_leaves_nothing_and_says_so(self) -> None:
        found = summary(small_study(prompts(6)), *wins(3, 6, seconds=1))["without_flagged"]["overall"]
        assert (found["n"], found["win_rate"]["new>base"]["reason"]) == (0, "no pairs")


def only_votes(records: list[Vote | Verdict]) -> list[Vote]:
    return [record for record in records if isinstance(record, Vote)]


class TestBlinding:
    def test_counts_and_index_of_each_arm(self) -> None:
        told = (
            (R1, "as_is", True),
            (R1, "as_is", True),
            (R2, "as_is", False),
            (R2, "as_is", None),
            (R1, "plain", False),
        )
        guesses = guess_frame((*one, "new") for one in told)
        found = summary(small_study(), vote("p1", "base", "new", "a", arm="plain"), guesses=guesses)
        as_is, plain = found["blinding"], found["arms"]["plain"]["blinding"]
        assert (as_is["right"], as_is["wrong"], as_is["unsure"], as_is["n"]) == (2, 1, 1, 4)
        index = blinding_index([2, 0], [0, 1], [0, 1])
        assert as_is["estimate"] == index.estimate == 0.25 and (as_is["low"], as_is["high"]) == (index.low, index.high)
        assert "4 guesses" in as_is["sentence"] and (as_is["n_raters"], plain["n_raters"]) == (2, 1)
        assert as_is["sides"].keys() == {"a"} and as_is["sides"]["a"]["right"] == 2, "new stood at side A"
        assert (plain["right"], plain["wrong"], plain["unsure"]) == (0, 1, 0)

    @pytest.mark.parametrize("options", [{}, {"guesses": guess_frame()}])
    def test_without_a_probe(self, options: dict[str, Any]) -> None:
        found = summary(small_study(), **options)["blinding"]
        assert (found["estimate"], found["reason"], found["right"]) == (None, "nobody was asked", 0)


class TestTopics:
    def test_are_those_of_each_criterion_and_source(self) -> None:
        study, records = crowd()
        votes = votes_of(study, *only_votes(records))
        verdicts = verdicts_of(study, *(record for record in records if isinstance(record, Verdict)))
        found = as_json(study, votes, verdicts)["topics"]
        for key in study.config.keys:
            assert list(found[key]) == ["human", "judge:j"] and list(found[key]["human"]) == ["sleep", "food", "play"]
            for one in topics(study, votes, verdicts, key):
                told = found[key][one.source][one.topic]
                for name in ("n", "shares", "tie_share", "win_rate"):
                    assert told[name] == one.rates.as_json()[name]

    def test_are_the_rates_of_the_topics_pairs_by_themselves(self) -> None:
        study, records = crowd()
        index = StudyIndex.of(study)
        pairs = voted_pairs(
            counted(code_votes(index, votes_of(study, *only_votes(records)), ["clarity"])[0]), "clarity"
        )
        group = pairs.prompt % 4
        alone = [rates(pairs.take(group == place), index) for place in range(5)]
        assert grouped_rates(pairs, index, group, 5) == alone
        assert alone[4].n == 0

    def test_prompts_without_a_topic_are_left_out_and_a_study_without_topics_has_none(self) -> None:
        study = small_study(("p1", "p2"), topics={"p1": "sleep"})
        votes = [vote(p, "base", "new", "a") for p in ("p1", "p2")]
        assert {
            topic: figures["n"] for topic, figures in summary(study, *votes)["topics"]["overall"]["human"].items()
        } == {"sleep": 1}
        assert summary(small_study(), *votes)["topics"] == {}


class TestParts:
    def test_what_is_not_asked_for_is_empty_and_says_so(self) -> None:
        study, records = crowd()
        found = summary(study, *records, parts=[])
        assert found["not_asked"] == dict.fromkeys((part.value for part in Part), "not asked for")
        empty = ("agreement", "correlations", "same_criteria", "without_flagged", "topics")
        assert all(found[name] == {} for name in empty) and found["sequence"] is None
        assert found["blinding"]["reason"] == "not asked for"
        people = found["criteria"]["overall"]["human"]
        assert (people["bradley_terry"], people["reasons"]) == (None, {"bradley_terry": "not asked for"})
        assert people["length_controlled"]["new>base"]["reason"] == "not asked for"
        assert set(found["criteria"]["overall"]) == {"human", "judge:j"}

    def test_each_part_alone_is_as_in_the_whole(self) -> None:
        study, records = crowd()
        whole = summary(study, *records)
        assert whole["not_asked"] == {}
        places = {
            Part.AGREEMENT: ("agreement",),
            Part.SEQUENCE: ("sequence",),
            Part.CORRELATIONS: ("correlations", "same_criteria"),
            Part.UNFLAGGED: ("without_flagged",),
            Part.BLINDING: ("blinding",),
            Part.TOPICS: ("topics",),
        }
        for part in EVERYTHING:
            found = summary(study, *records, parts=[part.value])
            assert set(found["not_asked"]) == {other.value for other in EVERYTHING - {part}}
            for name in (*places.get(part, ()), "balance"):
                assert found[name] == whole[name]
            for name, of in (("bradley_terry", Part.BRADLEY_TERRY), ("length_controlled", Part.LENGTHS)):
                same = [
                    found["criteria"][key]["human"][name] == whole["criteria"][key]["human"][name]
                    for key in whole["criteria"]
                ]
                assert all(same) if of is part else not any(same)
            combined = [by_source.get("combined:j") for by_source in found["criteria"].values()]
            assert combined == [
                by_source["combined:j"] if part is Part.COMBINED else None for by_source in whole["criteria"].values()
            ]

    def test_an_unknown_part_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="horoscope"):
            summary(small_study(), parts=["horoscope"])


@pytest.mark.parametrize("systems", [(), ("base",), ("base", "new"), ("base", "new", "old", "far")])
@pytest.mark.parametrize("sort", ["none", "one rater", "all ties", "one class", "apart", "missing"])
def test_thin_data_gives_nulls_with_reasons(systems: tuple[str, ...], sort: str) -> None:
    study = small_study(prompts(8), systems, criteria=TWO_CRITERIA, overlap=1)
    made = {
        "none": [],
        "one rater": wins(5, 8),
        "all ties": [vote(p, "base", "new", "tie", rater) for p in prompts(8) for rater in (R1, R2)],
        "one class": [vote(p, "base", "new", "a", rater) for p in prompts(8) for rater in (R1, R2)],
        "apart": wins(5, 8) + [vote(p, "old", "far", "a") for p in prompts(8)],
        "missing": [vote(p, "base", "new", {"clarity": "b"} if p < "p4" else "a") for p in prompts(8)],
    }[sort]
    judged = [verdict(p, *order, "tie" if sort == "all ties" else "a") for p in prompts(4) for order in ORDERS]
    found = summary(study, *made, *(judged if sort != "none" else ()), guesses=guess_frame([(R1, "as_is", None, None)]))
    for interval in intervals(found):
        assert interval["estimate"] is not None or interval["reason"]
    if len(systems) < 2:
        assert found["sequence"]["matchups"] == {}
    if sort == "apart" and len(systems) == 4:
        reason = found["criteria"]["overall"]["human"]["reasons"]["bradley_terry"]
        assert "base" in reason and "old" in reason
    if sort == "all ties" and "new" in systems:
        assert found["sequence"]["matchups"]["new>base"]["decision"] == "undecided"
        assert found["criteria"]["overall"]["human"]["sign_test"]["new>base"]["p_holm"] is None


def test_the_published_verdicts_say_the_same_on_overall_and_adoptability() -> None:
    study = shared_study("published_study")
    found = as_json(study, *frames(study))
    assert found["same_criteria"] == {"human": [], "judge:gpt-4o": ["adoptability|overall"]}
    equal = found["correlations"]["judge:gpt-4o"]["adoptability|overall"]
    assert (equal["equal"]["estimate"], equal["equal"]["n"], equal["correlation"]) == (1, 100, pytest.approx(1))
    assert len(found["correlations"]["judge:gpt-4o"]) == 21
    assert found["correlations"]["human"]["clarity|overall"]["reason"]
    by_topic = found["topics"]["overall"]["judge:gpt-4o"]
    assert len(by_topic) == 20 and all(figures["n"] == 5 for figures in by_topic.values())
    tests = {key: by["judge:gpt-4o"]["sign_test"]["finetuned>base"] for key, by in found["criteria"].items()}
    assert tests["creativity"]["p"] == tests["creativity"]["p_holm"] == 1
    assert {key: test["p_holm"] for key, test in tests.items()} == holm({key: test["p"] for key, test in tests.items()})
    assert found["sequence"]["matchups"]["finetuned>base"]["decision"] == "undecided"
    assert found["without_flagged"] == dict.fromkeys(study.config.keys)
    assert found["blinding"]["reason"] == "nobody was asked"


def test_the_pandalm_study_decides_what_its_votes_can() -> None:
    study = shared_study("pandalm_study")
    found = as_json(study, *frames(study), parts=EVERYTHING - {Part.BRADLEY_TERRY})
    matchups = found["sequence"]["matchups"]
    assert {label for label, one in matchups.items() if one["decision"] == "decided"} == {
        "bloom-7b>llama-7b",
        "cerebras-gpt-6.7B>llama-7b",
        "opt-7b>llama-7b",
    }
    for label, one in matchups.items():
        rate = found["criteria"]["overall"]["human"]["win_rate"][label]
        assert one["interval"]["n"] == rate["n"] and one["mean"][-1] == pytest.approx(rate["estimate"])
        assert one["interval"]["low"] < rate["low"] and rate["high"] < one["interval"]["high"]
    n = {source: sum(f["n"] for f in by.values()) for source, by in found["topics"]["overall"].items()}
    assert n == {source: found["criteria"]["overall"][source]["n"] for source in n}
