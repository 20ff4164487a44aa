"""`ppai plan`: prompts, votes and hours by simulation, beside the formula and beside the methods planned for."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from eval.planning import Assumptions, Goal, labelled_needed, people_needed, plan
from eval.statistics.clustered import clustered_mean
from eval.statistics.prediction_powered import prediction_powered
from eval.voting_model import VotingModel
from ppai.errors import PPAIError
from ppai.verbs import plan as verb


def command(*arguments: str) -> Result:
    app = typer.Typer(rich_markup_mode=None)
    app.command(epilog=verb.EPILOG)(verb.plan)
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(("icc", "overlap"), [(0.0, 1), (0.4, 3), (0.9, 3)])
def test_simulated_votes_have_the_shares_and_the_correlation_that_were_asked(icc: float, overlap: int) -> None:
    model = VotingModel(0.6, 0.2, icc, overlap)
    assert model.shares == pytest.approx((0.5, 0.2, 0.3))
    votes = model.votes(np.random.default_rng(0), (100_000,))
    assert votes.mean() == pytest.approx(0.6, abs=0.01)
    assert votes.var() == pytest.approx(model.variance, rel=0.03)


@pytest.mark.parametrize("agreement", [0.6, 0.8, 1.0])
def test_the_judge_agrees_as_often_as_was_asked(agreement: float) -> None:
    model = VotingModel(0.6, 0.1, 0.9, 25, agreement)
    votes, verdicts = model.both(np.random.default_rng(1), 20_000)
    clear = np.abs(votes - 0.5) > 0.4  # where 25 votes leave no doubt of what most say
    agreed = (np.where(votes > 0.5, 1, 0) == verdicts)[clear].mean()
    assert agreed == pytest.approx(agreement, abs=0.05)


@pytest.mark.parametrize(("win_rate", "margin", "equal"), [(0.6, 0.1, False), (0.3, 0.1, False), (0.5, 0.15, True)])
def test_a_study_of_the_planned_size_has_the_power(win_rate: float, margin: float, equal: bool) -> None:
    model = VotingModel(win_rate, 0.1, 0.4, 3)
    n = people_needed(model, Assumptions(margin=margin), equal=equal)
    rng, shown = np.random.default_rng(99), 0
    for _ in range(1500):
        found = clustered_mean(model.votes(rng, (n,)), np.arange(n))
        assert found.low is not None and found.high is not None
        inside = 0.5 - margin < found.low and found.high < 0.5 + margin
        shown += inside if equal else (found.low > 0.5 if win_rate > 0.5 else found.high < 0.5)
    assert shown / 1500 == pytest.approx(0.8, abs=0.035)


def test_the_formula_of_large_studies_has_the_power_too() -> None:
    model = VotingModel(0.53, 0.1, 0.4, 3)
    n = people_needed(model, Assumptions(margin=0.03), equal=False)
    assert n > 1000
    values = model.votes(np.random.default_rng(7), (1500, n))
    shown = [found.low > 0.5 for row in values if (found := clustered_mean(row, np.arange(n))).low is not None]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.035)


def test_with_a_judge_the_prediction_powered_interval_is_as_wide_as_people_alone_would_have() -> None:
    model = VotingModel(0.6, 0.1, 0.6, 3, 0.95)
    rng = np.random.default_rng(3)
    alone, pool = 100, 1000
    labelled = labelled_needed(alone, pool, model.judge_correlation(rng))
    assert labelled is not None and labelled < 80
    widths, reference = [], []
    for seed in range(150):
        votes, verdicts = model.both(rng, pool)
        found = prediction_powered(votes[:labelled], verdicts[:labelled], verdicts[labelled:], seed=seed).interval
        people = clustered_mean(votes[:alone], np.arange(alone))
        assert found.low is not None and found.high is not None and people.low is not None and people.high is not None
        widths.append(found.high - found.low)
        reference.append(people.high - people.low)
    assert np.mean(widths) == pytest.approx(np.mean(reference), rel=0.05)


def needs(goal: Goal) -> list[int | None]:
    return [need.labelled for need in goal.needs]


def test_a_judge_saves_labels_the_more_the_better_it_is() -> None:
    good, bad = (needs(plan(Assumptions(judge_agreement=agreement))[0]) for agreement in (1.0, 0.6))
    assert good[0] == bad[0]
    assert good[2] < good[1] < good[0] and bad[2] <= bad[1] <= bad[0]  # type: ignore[operator]
    assert good[2] < bad[2]  # type: ignore[operator]


def test_fewer_prompts_than_people_alone_need_are_out_of_reach_with_any_judge() -> None:
    tell, _ = plan(Assumptions(judge_agreement=1.0, prompts=50))
    assert needs(tell)[1] is None
    assert "out of reach" in command("--judge-agreement", "1", "--prompts", "50").output
    assert labelled_needed(100, 50, 1.0) is None
    assert labelled_needed(100, 300, 0.0) == 100


def test_an_equal_correlation_of_votes_makes_further_raters_useless() -> None:
    single, triple = (plan(Assumptions(icc=0.95, overlap=overlap))[0].needs[0] for overlap in (1, 3))
    assert single.labelled == pytest.approx(triple.labelled, rel=0.1)
    assert triple.votes == 3 * triple.labelled  # type: ignore[operator]
    assert triple.hours == pytest.approx(triple.votes / 60)  # type: ignore[operator]


def test_the_command_prints_the_same_table_each_time_within_ten_seconds() -> None:
    begin = perf_counter()
    first = command("--margin", ".1", "--judge-agreement", ".8")
    assert perf_counter() - begin < 10
    assert first.exit_code == 0
    assert "To tell a win rate of 60% from 50%:" in first.output
    assert "To show two equal systems equal within 10 points:" in first.output
    assert first.output.count("people and a judge") == 4
    assert command("--margin", ".1", "--judge-agreement", ".8").output == first.output


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--margin", "0"),
        ("--margin", "nan"),
        ("--margin", ".5"),
        ("--power", "1"),
        ("--power", ".2"),
        ("--overlap", "0"),
        ("--judge-agreement", "0"),
        ("--judge-agreement", ".1"),
        ("--judge-agreement", "1.2"),
        ("--win-rate", ".5"),
        ("--win-rate", "1"),
        ("--tie-share", ".95"),
        ("--tie-share", "-.1"),
        ("--icc", "1"),
        ("--seconds", "0"),
        ("--confidence", "95"),
        ("--prompts", "100"),
        ("--seed", "-1"),
    ],
)
def test_a_wrong_input_is_one_line_that_names_the_option(option: str, value: str) -> None:
    done = command(option, value)
    assert isinstance(done.exception, PPAIError)
    assert str(done.exception).startswith(f"{option}: ") and "\n" not in str(done.exception)
    assert done.output == ""
