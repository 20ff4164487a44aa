"""`ppai plan`: a study of the planned size has the power, by the report's methods on every simulated prompt."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from eval.planning.assumptions import RANGES, Assumptions
from eval.planning.needs import Goal, by_formula, labelled_needed, plan
from eval.planning.power import VERDICTS, Claim, Simulation, combined_ends
from eval.statistics.clustered import clustered_mean, clustered_means
from eval.statistics.prediction_powered import FOLDS, SEED, prediction_powered
from eval.voting_model import VotingModel
from ppai.errors import PPAIError
from ppai.verbs import plan as verb

ROUND = 3.5
"""Standard errors of a simulation by which its share may lie off."""


def command(*arguments: str) -> Result:
    app = typer.Typer(rich_markup_mode=None)
    app.command(epilog=verb.EPILOG)(verb.plan)
    return CliRunner().invoke(app, list(arguments))


class TestVotes:
    @pytest.mark.parametrize(("icc", "overlap", "ties"), [(0.0, 1, 0.2), (0.4, 3, 0.2), (0.9, 3, 0.0), (0.05, 40, 0.2)])
    def test_the_distribution_is_that_of_simulated_votes(self, icc: float, overlap: int, ties: float) -> None:
        model = VotingModel(0.6, ties, icc, overlap)
        chances = model.distribution()
        means = np.linspace(0, 1, len(chances))
        assert chances.sum() == pytest.approx(1)
        assert chances @ means == pytest.approx(0.6)
        assert chances @ means**2 - 0.36 == pytest.approx(model.variance)
        votes = model.votes(np.random.default_rng(0), (100_000,))
        found = np.bincount(np.rint(2 * overlap * votes).astype(int), minlength=len(chances)) / len(votes)
        assert np.abs(found - chances).max() < ROUND * 0.5 / np.sqrt(100_000)

    def test_three_equal_votes_by_hand(self) -> None:
        assert VotingModel(0.5, 0.0, 0.0, 3).distribution() == pytest.approx([1 / 8, 0, 3 / 8, 0, 3 / 8, 0, 1 / 8])
        # An intraclass correlation of one half is a uniform chance, under which all counts are as likely.
        assert VotingModel(0.5, 0.0, 1 / 3, 3).distribution() == pytest.approx([1 / 4, 0, 1 / 4, 0, 1 / 4, 0, 1 / 4])

    @pytest.mark.parametrize("agreement", [0.6, 0.8, 1.0])
    def test_the_judge_agrees_as_often_as_was_asked(self, agreement: float) -> None:
        model = VotingModel(0.6, 0.1, 0.9, 25, agreement)
        votes, verdicts = model.both(np.random.default_rng(1), 20_000)
        clear = np.abs(votes - 0.5) > 0.4  # where 25 votes leave no doubt of what most say
        agreed = (np.where(votes > 0.5, 1, 0) == verdicts)[clear].mean()
        assert agreed == pytest.approx(agreement, abs=0.05)

    def test_votes_and_verdicts_go_together_as_simulated_ones_do(self) -> None:
        model = VotingModel(0.6, 0.1, 0.4, 3, 0.8)
        joint = model.joint(np.random.default_rng(0))
        assert joint.sum(axis=1) == pytest.approx(model.distribution())
        votes, verdicts = model.both(np.random.default_rng(5), 100_000)
        found = np.zeros_like(joint)
        np.add.at(found, (np.rint(6 * votes).astype(int), np.rint(2 * verdicts).astype(int)), 1 / len(votes))
        assert np.abs(found - joint).max() < 0.008


class TestIntervals:
    """What power is counted with is what the report computes."""

    def test_peoples_is_that_of_clustered_means(self) -> None:
        model, n = VotingModel(0.62, 0.1, 0.4, 3), 60
        claim = Claim(False, 0.1, True)
        power = Simulation(claim, model.joint(np.random.default_rng(0)), 0).people(n)
        assert power == pytest.approx(_power(model, claim, n, studies=4_000), abs=ROUND * np.sqrt(0.25 / 4_000))

    @pytest.mark.parametrize(("n", "rest", "agreement"), [(20, 1, 0.8), (53, 40, 0.95), (120, 900, 0.6)])
    def test_combined_ends_are_those_of_prediction_powered(self, n: int, rest: int, agreement: float) -> None:
        model, studies, claim = VotingModel(0.7, 0.1, 0.4, 2, agreement), 20, Claim(False, 0.1, True, 0.9)
        votes, verdicts = model.both(np.random.default_rng(3), studies * (n + rest))
        votes[:n] = 1.0  # a study in which people all agree
        y, f = votes.reshape(studies, -1)[:, :n], verdicts.reshape(studies, -1)
        part = np.random.default_rng(SEED).permutation(n) % FOLDS
        products = np.stack([y, f[:, :n], y**2, y * f[:, :n], f[:, :n] ** 2], axis=2)
        labelled = np.stack([products[:, part == fold].sum(axis=1) for fold in range(FOLDS)], axis=1)
        others = np.stack([(f[:, n:] == verdict).sum(axis=1) for verdict in VERDICTS], axis=1)
        low, high = combined_ends(labelled, np.bincount(part), others, claim)
        for study in range(studies):
            found = prediction_powered(y[study], f[study, :n], f[study, n:], confidence=0.9).interval
            assert (low[study], high[study]) == pytest.approx((found.low, found.high), abs=1e-10)


def _power(model: VotingModel, claim: Claim, n: int, *, studies: int = 4_000) -> float:
    """Of people's votes, by drawing every prompt."""
    values = model.votes(np.random.default_rng(99), (studies, n))
    study, prompt = np.repeat(np.arange(studies), n), np.tile(np.arange(n), studies)
    found = clustered_means(values.ravel(), prompt, study, studies, confidence=claim.confidence)
    return float(np.mean([claim.shown(np.array(one.low), np.array(one.high)) for one in found]))


def _power_with_judge(model: VotingModel, claim: Claim, n: int, pool: int, *, studies: int = 2_000) -> float:
    votes, verdicts = (part.reshape(studies, pool) for part in model.both(np.random.default_rng(98), studies * pool))
    found = [
        prediction_powered(votes[study, :n], verdicts[study, :n], verdicts[study, n:], seed=study).interval
        for study in range(studies)
    ]
    return float(np.mean([claim.shown(np.array(one.low), np.array(one.high)) for one in found]))


@pytest.mark.parametrize(
    "assumed",
    [
        Assumptions(),
        Assumptions(win_rate=0.3, overlap=1, power=0.9),
        Assumptions(margin=0.2, tie_share=0.0, icc=0.0, overlap=1),
        Assumptions(margin=0.15, confidence=0.9, icc=0.9),
    ],
)
def test_a_study_of_the_planned_size_has_the_power(assumed: Assumptions) -> None:
    for goal in plan(assumed):
        need = goal.needs[0]
        assert need.labelled is not None and need.power is not None and need.power >= assumed.power
        claim = Claim(goal.equal, assumed.margin, goal.rate > 0.5, assumed.confidence)
        found = _power(assumed.model(equal=goal.equal), claim, need.labelled)
        assert assumed.power - ROUND * np.sqrt(0.16 / 4_000) < found < assumed.power + 0.06, need


@pytest.mark.parametrize(
    "assumed",
    [Assumptions(judge_agreement=0.8), Assumptions(margin=0.15, judge_agreement=0.95, icc=0.7, prompts=300)],
)
def test_with_a_judge_it_has_the_power_too(assumed: Assumptions) -> None:
    for goal in plan(assumed):
        need = goal.needs[1]
        assert need.judged is not None and need.labelled is not None and need.power is not None
        assert need.power >= assumed.power
        claim = Claim(goal.equal, assumed.margin, goal.rate > 0.5)
        found = _power_with_judge(assumed.model(equal=goal.equal), claim, need.labelled, need.judged)
        assert assumed.power - ROUND * np.sqrt(0.16 / 2_000) < found < assumed.power + 0.05, need


def test_a_large_study_is_planned_as_well() -> None:
    assumed = Assumptions(margin=0.02)
    need = plan(assumed)[0].needs[0]
    assert need.labelled is not None and need.labelled > 2_500
    found = _power(assumed.model(), Claim(False, 0.02, True), need.labelled, studies=1_000)
    assert found == pytest.approx(0.8, abs=ROUND * np.sqrt(0.16 / 1_000))


def test_the_stated_error_is_that_of_the_simulation() -> None:
    model = VotingModel(0.6, 0.1, 0.4, 3)
    joint = model.joint(np.random.default_rng(0))
    powers = [Simulation(Claim(False, 0.1, True), joint, seed).people(100) for seed in range(40)]
    need = replace(plan(Assumptions())[0].needs[0], power=float(np.mean(powers)))
    assert need.studies == 20_000
    assert np.std(powers, ddof=1) == pytest.approx(need.error, rel=0.4)


def test_the_formula_is_near_what_simulation_finds() -> None:
    assumed = Assumptions()
    for goal in plan(assumed):
        start = by_formula(assumed.model(equal=goal.equal), assumed, equal=goal.equal)
        assert goal.needs[0].labelled == pytest.approx(start, rel=0.1)


def needs(goal: Goal) -> list[int | None]:
    return [need.labelled for need in goal.needs]


def test_a_judge_saves_labels_the_more_the_better_it_is() -> None:
    good, bad = (needs(plan(Assumptions(judge_agreement=agreement))[0]) for agreement in (1.0, 0.7))
    assert good[0] == bad[0]
    assert good[2] < good[1] < good[0] and bad[2] <= bad[1] <= bad[0]  # type: ignore[operator]
    assert good[2] < bad[2]  # type: ignore[operator]


def test_a_judge_who_saves_nothing_is_said_to() -> None:
    blind = command("--judge-agreement", ".6", "--icc", "0", "--overlap", "1")
    assert blind.output.count("A judge like this saves no votes here.") == 2
    assert "saves no votes" not in command("--judge-agreement", ".8").output


def test_fewer_prompts_than_people_alone_need_are_out_of_reach_with_any_judge() -> None:
    tell, _ = plan(Assumptions(judge_agreement=1.0, prompts=50))
    assert needs(tell)[1] is None
    assert command("--judge-agreement", "1", "--prompts", "50").output.count("out of reach") == 2
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
    assert "20,000 simulated studies of that size whose interval shows it; standard error 0.28 points." in first.output
    assert command("--margin", ".1", "--judge-agreement", ".8").output == first.output


def test_an_enormous_number_of_hours_is_told_plainly() -> None:
    done = command("--margin", ".001")
    assert done.exit_code == 0
    assert done.output.count("hours of rating, more than studies have") == 2
    assert "more than studies have" not in command().output


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--margin", ".001", "--power", ".999", "--confidence", ".999", "--judge-agreement", ".9", "--overlap", "1"],
        ["--win-rate", ".999", "--tie-share", "0", "--icc", ".95"],
        ["--overlap", "100", "--icc", "0"],
        ["--tie-share", ".99", "--win-rate", ".504", "--judge-agreement", "1"],
    ],
)
def test_the_ends_of_the_ranges_are_planned(arguments: list[str]) -> None:
    done = command(*arguments)
    assert done.exit_code == 0, done.output
    assert "nan" not in done.output and "inf" not in done.output


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--margin", "0"),
        ("--margin", "1e-9"),
        ("--margin", ".0009"),
        ("--margin", "nan"),
        ("--margin", ".5"),
        ("--power", "1"),
        ("--power", ".2"),
        ("--overlap", "0"),
        ("--overlap", "1000"),
        ("--judge-agreement", "0"),
        ("--judge-agreement", ".1"),
        ("--judge-agreement", "1.2"),
        ("--win-rate", ".5"),
        ("--win-rate", ".5000001"),
        ("--win-rate", "1"),
        ("--win-rate", ".9999999"),
        ("--tie-share", ".95"),
        ("--tie-share", "-.1"),
        ("--icc", "1"),
        ("--icc", "nan"),
        ("--seconds", "0"),
        ("--seconds", "1e300"),
        ("--confidence", "95"),
        ("--prompts", "100"),
        ("--prompts", "-1"),
        ("--seed", "-1"),
    ],
)
def test_a_wrong_input_is_one_line_that_names_the_option(option: str, value: str) -> None:
    done = command(option, value)
    assert isinstance(done.exception, PPAIError)
    assert str(done.exception).startswith(f"{option}: ") and "\n" not in str(done.exception)
    assert done.output == ""


def test_every_number_has_a_range() -> None:
    assert set(RANGES) == set(Assumptions.__dataclass_fields__)


def test_one_study_by_the_interval_of_the_report() -> None:
    """The claim reads an interval as the report does: above one half, below, or within the margin."""
    found = clustered_mean([1.0] * 14 + [0.0] * 6, range(20))
    assert found.low is not None and found.high is not None
    low, high = np.array([found.low]), np.array([found.high])
    assert (found.low > 0.5) == Claim(False, 0.1, True).shown(low, high)[0]
    assert not Claim(False, 0.1, False).shown(low, high)[0]
    assert not Claim(True, 0.1, True).shown(low, high)[0] and Claim(True, 0.49, True).shown(low, high)[0]
