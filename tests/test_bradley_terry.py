"""Bradley-Terry: hand-worked and peer estimates, separation, connection, ranks, prompts as the unit, the summary."""

from __future__ import annotations

import warnings
from itertools import combinations, pairwise

import numpy as np
import pytest
from small_studies import R1, R2, small_study, verdict, verdicts_of, vote, votes_of

from eval.report import leaderboard, summarise
from eval.statistics.bradley_terry import UnknownSide, covariance, fit
from eval.statistics.cells import Comparisons, weighted_cells
from eval.statistics.coding import code_votes
from eval.statistics.comparisons import voted_comparisons
from eval.statistics.connected import Disconnected
from eval.statistics.ranking import Ranking
from eval.statistics.source import Source, counted
from eval.statistics.strengths import Strengths, strengths
from eval.statistics.study_index import StudyIndex
from ppai.schema import Study, Verdict, Vote

BASEBALL = """
Milwaukee Detroit 4 3; Milwaukee Toronto 4 2; Milwaukee NewYork 4 3; Milwaukee Boston 6 1; Milwaukee Cleveland 4 2;
Milwaukee Baltimore 6 0; Detroit Milwaukee 3 3; Detroit Toronto 4 2; Detroit NewYork 4 3; Detroit Boston 6 0;
Detroit Cleveland 6 1; Detroit Baltimore 4 3; Toronto Milwaukee 2 5; Toronto Detroit 4 3; Toronto NewYork 2 4;
Toronto Boston 4 3; Toronto Cleveland 4 2; Toronto Baltimore 6 0; NewYork Milwaukee 3 3; NewYork Detroit 5 1;
NewYork Toronto 2 5; NewYork Boston 4 3; NewYork Cleveland 4 2; NewYork Baltimore 6 1; Boston Milwaukee 5 1;
Boston Detroit 2 5; Boston Toronto 3 3; Boston NewYork 4 2; Boston Cleveland 5 2; Boston Baltimore 6 0;
Cleveland Milwaukee 2 5; Cleveland Detroit 3 3; Cleveland Toronto 3 4; Cleveland NewYork 4 3; Cleveland Boston 4 2;
Cleveland Baltimore 2 4; Baltimore Milwaukee 2 5; Baltimore Detroit 1 5; Baltimore Toronto 1 6; Baltimore NewYork 2 4;
Baltimore Boston 1 6; Baltimore Cleveland 3 4
"""
"""Agresti (2013), table 11.10: home team, away team, wins of the home team, its losses."""


def comparisons(
    systems: str | tuple[str, ...], *rows: tuple[str, str, float, float], prompts: list[int] | None = None
) -> Comparisons:
    """Each row a prompt of its own, unless `prompts` says otherwise: first, second, wins of first, of second."""
    place = {system: number for number, system in enumerate(systems)}
    return Comparisons(
        tuple(systems),
        np.array(range(len(rows)) if prompts is None else prompts, dtype=np.int64),
        np.array([place[row[0]] for row in rows], dtype=np.int64),
        np.array([place[row[1]] for row in rows], dtype=np.int64),
        np.array([row[2] for row in rows], dtype=float),
        np.array([row[3] for row in rows], dtype=float),
    )


def baseball() -> Comparisons:
    rows = [row.split() for row in BASEBALL.split(";")]
    systems = tuple(dict.fromkeys(row[0] for row in rows))
    return comparisons(systems, *((row[0], row[1], float(row[2]), float(row[3])) for row in rows))


def random_comparisons(k: int, n: int, seed: int, spread: float = 1.0) -> tuple[Comparisons, np.ndarray]:
    """n prompts, one comparison of a random pair each, drawn by the model."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, spread, k)
    first = rng.integers(0, k, n)
    second = (first + rng.integers(1, k, n)) % k
    won = (rng.random(n) < 1 / (1 + np.exp(truth[second] - truth[first]))).astype(float)
    names = tuple(f"s{number}" for number in range(k))
    return Comparisons(names, np.arange(n), first, second, won, 1 - won), truth - truth.mean()


def point(data: Comparisons) -> np.ndarray:
    """Strengths in the order of the systems."""
    return fit(weighted_cells(data, np.ones((1, int(data.prompt.max()) + 1)))).strengths[0]


def test_agrestis_baseball_with_the_advantage_of_the_home_team() -> None:
    data = baseball()
    found = fit(weighted_cells(data, np.ones((1, len(data.prompt)))), side_term=True)
    assert found.side is not None
    assert found.side[0] == pytest.approx(0.3023, abs=5e-5)
    assert np.sqrt(covariance(found)[0, -1, -1]) == pytest.approx(0.1309, abs=5e-5)
    of_baltimore = found.strengths[0] - found.strengths[0, -1]
    assert of_baltimore[:6] == pytest.approx([1.6196, 1.4754, 1.3271, 1.2814, 1.1438, 0.7047], abs=5e-4)


def test_two_systems_are_the_log_odds() -> None:
    found = strengths(comparisons("ab", *[("a", "b", 1, 0)] * 30, *[("b", "a", 1, 0)] * 10))
    assert found.differences["a>b"].estimate == pytest.approx(np.log(3))
    assert found.systems["a"].interval.estimate == pytest.approx(np.log(3) / 2)


def test_a_chain_of_41_is_not_cut_short() -> None:
    """Each beats the next nine times of ten: the ends are 40 log 9 apart, 15,300 Elo points."""
    names = tuple(f"s{number}" for number in range(41))
    found = point(comparisons(names, *((a, b, 9, 1) for a, b in pairwise(names))))
    assert np.diff(found) == pytest.approx(np.full(40, -np.log(9)), abs=1e-9)


def test_peers_agree() -> None:
    choix = pytest.importorskip("choix")
    evalica = pytest.importorskip("evalica")
    data, _ = random_comparisons(8, 600, seed=4)
    winners = [
        (a, b) if won else (b, a)
        for a, b, won in zip(data.first.tolist(), data.second.tolist(), data.first_wins.tolist(), strict=True)
    ]
    ours = point(data)
    theirs = choix.ilsr_pairwise(8, winners)
    assert ours == pytest.approx(theirs - np.mean(theirs), abs=1e-6)
    names = np.array(data.systems)
    result = evalica.bradley_terry(
        names[data.first].tolist(),
        names[data.second].tolist(),
        [evalica.Winner.X if won else evalica.Winner.Y for won in data.first_wins],
        tolerance=1e-12,
        limit=100_000,
    )
    logs = np.log(result.scores.loc[list(names)].to_numpy())
    assert ours == pytest.approx(logs - logs.mean(), abs=1e-5)


def test_a_tie_is_half_a_win_each() -> None:
    ties = comparisons("abc", ("a", "b", 3.5, 0.5), ("b", "c", 2.0, 1.0), ("c", "a", 1.0, 2.0))
    doubled = comparisons("abc", ("a", "b", 7, 1), ("b", "c", 4, 2), ("c", "a", 2, 4))
    assert point(ties) == pytest.approx(point(doubled))


def test_unconnected_systems_are_named() -> None:
    islands = comparisons("abcd", ("a", "b", 1, 1), ("c", "d", 1, 1))
    with pytest.raises(Disconnected, match=r"connects these systems: (a, b; c, d|c, d; a, b)$"):
        strengths(islands)
    unbeaten = comparisons("abc", ("a", "b", 4, 0), ("a", "c", 4, 0), ("b", "c", 2, 2))
    with pytest.raises(Disconnected) as caught:
        strengths(unbeaten)
    assert {frozenset(group) for group in caught.value.groups} == {frozenset("a"), frozenset("bc")}


def test_a_prior_connects_only_where_it_is_asked_for() -> None:
    unbeaten = comparisons("abc", ("a", "b", 4, 0), ("a", "c", 4, 0), ("b", "c", 2, 2))
    found = strengths(unbeaten, prior=0.5)
    estimates = [strength.interval.estimate for strength in found.systems.values()]
    assert next(iter(found.systems)) == "a"
    assert np.isfinite(np.array(estimates, dtype=float)).all()
    islands = comparisons("abcd", ("a", "b", 1, 1), ("c", "d", 1, 1))
    with pytest.raises(Disconnected):
        strengths(islands, prior=0.5)


def test_replicates_that_separate_are_kept_and_counted() -> None:
    """One of twenty prompts holds all of c's wins: about .95^20 of the replicates miss it."""
    rows = [("a", "b", 1, 1), ("a", "c", 1, 0)] * 19 + [("c", "a", 1, 0)]
    prompts = [number // 2 for number in range(38)] + [19]
    found = strengths(comparisons("abc", *rows, prompts=prompts), replicates=2000)
    assert found.n_replicates == 2000
    assert found.n_degenerate / 2000 == pytest.approx(0.95**20, abs=0.04)
    low = found.systems["c"].interval.low
    assert low is not None and np.isfinite(low)
    assert low < found.systems["c"].interval.estimate - 1


def test_prompts_are_the_unit_not_votes_nor_rows() -> None:
    data, _ = random_comparisons(4, 200, seed=1, spread=0.3)
    once = strengths(data)
    thrice = strengths(
        Comparisons(
            data.systems,
            np.tile(data.prompt, 3),
            np.tile(data.first, 3),
            np.tile(data.second, 3),
            np.tile(data.first_wins, 3),
            np.tile(data.second_wins, 3),
        )
    )
    for system, strength in once.systems.items():
        assert thrice.systems[system].interval.low == pytest.approx(strength.interval.low)
        assert strength.interval.n == 200
    independent = strengths(
        Comparisons(
            data.systems,
            np.arange(600),
            np.tile(data.first, 3),
            np.tile(data.second, 3),
            np.tile(data.first_wins, 3),
            np.tile(data.second_wins, 3),
        )
    )
    wide, narrow = (found.differences["s0>s1"] for found in (once, independent))
    assert wide.high is not None and wide.low is not None and narrow.high is not None and narrow.low is not None
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(np.sqrt(3), rel=0.1)


def test_the_interval_is_that_of_the_information_where_all_is_plain() -> None:
    data, _ = random_comparisons(3, 3000, seed=5)
    found = strengths(data)
    cells = weighted_cells(data, np.ones((1, 3000)))
    v = covariance(fit(cells))[0]
    interval = found.differences["s0>s1"]
    assert interval.high is not None and interval.low is not None
    error = np.sqrt(v[0, 0] + v[1, 1] - 2 * v[0, 1])
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * error, rel=0.08)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_prompts_that_are_all_alike_still_have_a_width(n: int) -> None:
    rows = [("a", "b", 1, 0), ("b", "c", 1, 0), ("c", "a", 1, 0)]
    found = strengths(comparisons("abc", *rows * n, prompts=[number // 3 for number in range(3 * n)]))
    for one in [*(s.interval for s in found.systems.values()), *found.differences.values()]:
        assert one.low is not None and one.high is not None and one.estimate is not None
        assert one.low < -0.2 and one.high > 0.2
    assert {(s.rank_low, s.rank_high) for s in found.systems.values()} == {(1, 3)}


def test_ranks_say_what_is_sure() -> None:
    rows = [("a", "b", 9, 1), ("a", "c", 9, 1), ("b", "c", 5, 5)]
    found = strengths(comparisons("abc", *rows * 30))
    assert next(iter(found.systems)) == "a"
    assert {name: (s.rank_low, s.rank_high) for name, s in found.systems.items()} == {
        "a": (1, 1),
        "b": (2, 3),
        "c": (2, 3),
    }
    assert found.better["a>b"] == 1
    assert found.better["b>c"] == pytest.approx(0.5, abs=0.01)


def test_equal_systems_seldom_get_a_rank_of_their_own() -> None:
    """Ranks are simultaneous: with 5 equal systems at most 5% of the studies may say anything, save for chance."""
    wrong = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        won = rng.integers(0, 2, (60, 10)).astype(float).ravel()
        first, second = (np.tile([pair[side] for pair in combinations(range(5), 2)], 60) for side in (0, 1))
        data = Comparisons(tuple("abcde"), np.repeat(np.arange(60), 10), first, second, won, 1 - won)
        found = strengths(data, replicates=200)
        wrong += any((s.rank_low, s.rank_high) != (1, 5) for s in found.systems.values())
    assert wrong <= 8


def test_the_same_seed_gives_the_same_numbers() -> None:
    data, _ = random_comparisons(4, 100, seed=2)
    assert strengths(data, seed=3) == strengths(data, seed=3)
    assert strengths(data, seed=3) != strengths(data, seed=4)


@pytest.mark.parametrize(("option", "value"), [("confidence", 95), ("replicates", 1)])
def test_options_are_checked(option: str, value: int) -> None:
    data, _ = random_comparisons(3, 30, seed=0)
    with pytest.raises(ValueError, match=option):
        strengths(data, **{option: value})  # type: ignore[arg-type]


def source(study: Study, *records: Vote | Verdict, name: str = "human") -> Source:
    votes = votes_of(study, *(record for record in records if isinstance(record, Vote)))
    verdicts = verdicts_of(study, *(record for record in records if isinstance(record, Verdict)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return summarise(study, votes, verdicts).criteria["overall"][name]


SYSTEMS = ("base", "one", "two")


def test_in_the_summary_every_vote_counts_once() -> None:
    study = small_study(systems=SYSTEMS)
    votes = [
        *(vote("p1", "one", "base", outcome, rater) for outcome, rater in (("a", R1), ("tie", R2))),
        vote("p2", "base", "two", "a"),
        vote("p3", "two", "one", "a"),
        vote("p1", "two", "one", "b"),
    ]
    found = source(study, *votes).ranking.strengths
    expected = point(
        comparisons(
            SYSTEMS, ("one", "base", 1.5, 0.5), ("base", "two", 1, 0), ("two", "one", 1, 0), ("one", "two", 1, 0)
        )
    )
    assert found is not None
    assert [found.systems[name].interval.estimate for name in SYSTEMS] == pytest.approx(expected)
    assert set(found.differences) == set(found.better) == {"one>two", "one>base", "two>base"}


def test_in_the_summary_a_merged_verdict_counts_once() -> None:
    """A system named in both orders wins; a win and a tie is a tie, and so is a win for each."""
    study = small_study(systems=SYSTEMS)
    outcomes = {("one", "base"): "aa", ("base", "two"): "a-", ("two", "one"): "ab", ("base", "one"): "aa"}
    verdicts = []
    for prompt, ((x, y), both) in zip(("p1", "p1", "p1", "p2"), outcomes.items(), strict=True):
        named = [{"a": "a", "b": "b", "-": "tie"}[letter] for letter in both]
        turned = {"a": "b", "b": "a", "tie": "tie"}[named[1]]
        verdicts += [verdict(prompt, x, y, named[0]), verdict(prompt, y, x, turned)]
    found = source(study, *verdicts, name="judge:j").ranking.strengths
    expected = point(
        comparisons(
            SYSTEMS, ("one", "base", 1, 0), ("base", "two", 0.5, 0.5), ("two", "one", 0.5, 0.5), ("base", "one", 1, 0)
        )
    )
    assert found is not None
    assert [found.systems[name].interval.estimate for name in SYSTEMS] == pytest.approx(expected)


def test_in_the_summary_what_has_no_estimate_says_why() -> None:
    study = small_study(systems=SYSTEMS)
    assert source(study).ranking.reason == "no votes"
    found = source(study, vote("p1", "one", "base", "a"), vote("p2", "one", "base", "b"))
    assert found.ranking.strengths is None
    assert "no path of wins and losses connects" in str(found.ranking.reason)
    assert all(name in str(found.ranking.reason) for name in SYSTEMS)
    assert found.as_json()["bradley_terry"] is None
    judged = source(study, verdict("p1", "one", "base", None), name="judge:j")
    assert judged.ranking.reason == "no merged verdicts"


def test_the_leaderboard_has_the_strengths_of_the_summary() -> None:
    study = small_study([f"p{n}" for n in range(12)], systems=SYSTEMS)
    rng = np.random.default_rng(0)
    pairs = [(f"p{n}", *pair) for n in range(12) for pair in combinations(SYSTEMS, 2)]
    votes = votes_of(study, *(vote(*pair, "ab"[rng.integers(2)]) for pair in pairs))
    given = [verdict(*pair, "ab"[rng.integers(2)]) for pair in pairs]
    verdicts = verdicts_of(study, *given, given[0].model_copy(update={"judge": "other"}))
    whole = summarise(study, votes, verdicts).as_json()["criteria"]["overall"]
    found = {source: one.as_json() for source, one in leaderboard(study, votes, verdicts, "overall").items()}
    assert list(found) == ["human", "judge:j", "judge:other"]
    for source, one in found.items():
        assert one == {key: whole[source][key] for key in one}
    assert "no path of wins" in found["judge:other"]["reasons"]["bradley_terry"]
    with pytest.raises(ValueError, match="criterion"):
        leaderboard(study, votes, verdicts, "beauty")


def test_the_leaderboard_leaves_verdicts_on_other_texts_out() -> None:
    study = small_study(systems=SYSTEMS)
    given = [verdict(f"p{n}", a, b, "tie", texts="0" * 16) for n in (1, 2) for a, b in combinations(SYSTEMS, 2)]
    kept = [one.model_copy(update={"texts": None}) for one in given[:3]]
    found = leaderboard(study, votes_of(study), verdicts_of(study, *kept, *given[3:]), "overall")["judge:j"]
    assert found.strengths is not None
    assert {one.interval.n for one in found.strengths.systems.values()} == {1}


def of_people(study: Study, *votes: Vote) -> Strengths:
    """With the effect of standing first."""
    rows = counted(code_votes(StudyIndex.of(study), votes_of(study, *votes), ["overall"])[0])
    return strengths(voted_comparisons(rows, "overall"), side_term=True)


def test_the_side_that_wins_is_seen_in_votes() -> None:
    study = small_study([f"p{n}" for n in range(30)], systems=SYSTEMS)
    rng = np.random.default_rng(0)
    votes = [
        vote(f"p{n}", *order, "a" if rng.random() < 0.8 else "b")
        for n in range(30)
        for pair in combinations(SYSTEMS, 2)
        for order in (pair if n % 2 else pair[::-1],)
    ]
    side = of_people(study, *votes).side
    assert side is not None and side.low is not None and side.low > 0.5


@pytest.mark.parametrize(
    ("outcome", "turned", "why"), [("a", True, "whatever system stood there"), ("ab", False, "never varied")]
)
def test_a_side_without_an_estimate_is_refused(outcome: str, turned: bool, why: str) -> None:
    names = [f"p{n}" for n in range(20)]
    study = small_study(names)
    orders = [("base", "new"), ("new", "base") if turned else ("base", "new")]
    votes = [vote(p, *orders[n % 2], outcome[n // 2 % len(outcome)]) for n, p in enumerate(names)]
    with pytest.raises(UnknownSide, match=why), warnings.catch_warnings():
        warnings.simplefilter("error")
        of_people(study, *votes)


def test_replicates_whose_side_separates_are_kept_and_counted() -> None:
    study = small_study([f"p{n}" for n in range(20)])
    votes = [vote(f"p{n}", *(("base", "new") if n % 2 else ("new", "base")), "a" if n > 1 else "b") for n in range(20)]
    found = of_people(study, *votes)
    assert found.n_degenerate / 1000 == pytest.approx(0.9**20, abs=0.1)
    assert found.side is not None and found.side.estimate == pytest.approx(np.log(9))
    assert found.side.low is not None and found.side.low > 0


def test_strengths_can_be_left_out() -> None:
    study = small_study(systems=SYSTEMS)
    votes = votes_of(study, *(vote("p1", a, b, "tie") for a, b in combinations(SYSTEMS, 2)))
    quick = summarise(study, votes, verdicts_of(study), parts=[]).criteria["overall"]["human"]
    assert quick.ranking == Ranking(None, "not asked for")
