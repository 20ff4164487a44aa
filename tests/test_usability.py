"""An answer says of each judge beside it whether it may stand in for people, and why not; else nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from small_studies import R1, R2, small_study, verdict, verdicts_of, vote, votes_of

from eval import report as statistics
from eval.report import summarise
from ppai.schema import Study, Verdict, Vote
from ppai.studyfiles import read_study
from ppai.ui.labels import Labels
from ppai.ui.markup import escape
from ppai.ui.report import Data, make_report
from ppai.ui.report_view import answers_html
from ppai.ui.sentences import Answer, answers
from ppai.ui.usability import Usability, usability

PROMPTS = tuple(f"p{n:02d}" for n in range(60))
LONGER = {(p, s): 20 if (s == "new") == (n % 2 == 0) else 10 for n, p in enumerate(PROMPTS) for s in ("base", "new")}
"""Of half the prompts `new` is the longer one."""


def study_of(systems: Sequence[str] = ("base", "new")) -> Study:
    return small_study(PROMPTS, systems, lengths=LONGER)


def votes(raters: Sequence[str] = (R1, R2)) -> list[Vote]:
    """All prefer `new` on three prompts of four."""
    return [vote(p, "new", "base", "b" if n % 4 == 0 else "a", r) for n, p in enumerate(PROMPTS) for r in raters]


def verdicts(prefers_new: Any, turned: Any = lambda n: False, **more: Any) -> list[Verdict]:
    """In both orders; `turned` says on which prompts the second order names the other system."""
    rows = []
    for n, p in enumerate(PROMPTS):
        first, second = prefers_new(n), prefers_new(n) != turned(n)
        rows.append(verdict(p, "new", "base", "a" if first else "b", **more))
        rows.append(verdict(p, "base", "new", "b" if second else "a", **more))
    return rows


def like_people(n: int) -> bool:
    return n % 4 != 0


def found(cast: Sequence[Vote], judged: Sequence[Verdict]) -> tuple[Usability, list[Answer]]:
    study = study_of()
    summary = summarise(study, votes_of(study, *cast), verdicts_of(study, *judged)).as_json()
    return usability(summary, "overall", "judge:j"), answers(summary, Labels.of(study.config))


def test_a_judge_that_may_stand_in_for_people_is_called_usable() -> None:
    told, (answer,) = found(votes(), verdicts(like_people))
    assert told == Usability("usable") and answer.on_usability and answer.reasons == ()
    assert "judge j (usable) agrees (75% [" in answer.basis


def test_one_whose_orders_and_answers_differ_is_not_and_each_reason_is_told() -> None:
    told, (answer,) = found(votes(), verdicts(lambda n: n % 2 == 1, turned=lambda n: n % 3 == 0))
    orders, agreement = told.reasons[:2]
    assert told.word == "not usable" and orders == "its two orders agree on 66.7% of pairs"
    assert agreement.startswith("it agrees with people ") and agreement.endswith(" than they agree with each other")
    assert "judge j (not usable) " in answer.basis
    assert answer.reasons == (f"Judge j is not usable on overall: {'; '.join(told.reasons)}",)


def test_another_liking_for_length_is_a_reason() -> None:
    cast = [
        vote(p, "new", "base", "a" if (rater == R1 if n % 2 == 0 else like_people(n)) else "b", rater)
        for n, p in enumerate(PROMPTS)
        for rater in (R1, R2)
    ]
    told, _ = found(cast, verdicts(lambda n: n % 2 == 0 or like_people(n)))
    assert told == Usability("not usable", ("it is not shown to like length as people do",)), "where people are split"


def test_few_pairs_are_said_to_show_too_little() -> None:
    some = {f"p{n:02d}" for n in range(6)}
    told, _ = found([one for one in votes() if one.prompt_id in some], verdicts(like_people))
    reason = "on 6 pairs it is not shown to agree with people as they do with each other"
    assert told.word == "not usable" and reason in told.reasons


def test_what_a_mark_tells_is_no_reason_again() -> None:
    one_order = [row for row in verdicts(like_people, named=True) if row.system_a == "new"]
    told, (answer,) = found(votes(), one_order)
    assert told == Usability("not usable") and answer.reasons == ()
    assert "judge j (saw names, one order, not usable) agrees" in answer.basis


def test_without_two_votes_on_a_pair_nobody_knows() -> None:
    told, (answer,) = found(votes((R1,)), verdicts(like_people))
    assert told.word == "usability not known"
    (reason,) = answer.reasons
    assert reason == (
        "Whether judge j is usable on overall is not known: no pair has both a verdict of this judge and two votes"
    )


def test_without_votes_nothing_is_said_but_what_the_orders_show(published_study: Any) -> None:
    study = read_study(published_study)
    summary = summarise(study, votes_of(study), verdicts_of(study, *study.verdicts)).as_json()
    assert not any(
        "usable" in answer.text or answer.on_usability for answer in answers(summary, Labels.of(study.config))
    )
    assert found((), verdicts(like_people))[0] == Usability()
    _, (answer,) = found((), verdicts(like_people, turned=lambda n: n % 3 == 0))
    assert answer.basis.endswith("judge j only, its two orders agree on 66.7% of pairs")
    assert not answer.on_usability and answer.reasons == ()


@pytest.mark.parametrize(("cast", "said"), [(votes(), True), ((), False)])
def test_the_page_says_what_usable_means_where_it_says_it(cast: Sequence[Vote], said: bool) -> None:
    study, judged = study_of(), verdicts(lambda n: n % 2 == 1)
    report = make_report(Data(study, votes_of(study, *cast), verdicts_of(study, *judged)), {}, statistics)
    html = answers_html(report)
    assert ("results.usable_note" in html) is said
    assert len(report.not_usable) == said and all(escape(one) in html for one in report.not_usable)


def test_of_several_systems_the_reasons_are_told_once() -> None:
    study = study_of(("base", "new", "other"))
    cast = [*votes(), *(vote(p, "other", "base", "a", r) for p in PROMPTS for r in (R1, R2))]
    judged = [*verdicts(lambda n: n % 2 == 1), *(verdict(p, "other", "base", "a") for p in PROMPTS)]
    report = make_report(Data(study, votes_of(study, *cast), verdicts_of(study, *judged)), {}, statistics)
    assert len(report.answers) > 1 and len(report.not_usable) == 1
    assert report.not_usable[0].startswith("Judge j is not usable on overall: ")
