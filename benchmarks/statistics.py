"""Speed of the statistics, beside peers in the same run: Bradley-Terry with bootstraps, and the whole summary.

    python benchmarks/statistics.py [--only strengths,systems,sequence,summary,growth,memory]

Peers: evalica's Bradley-Terry on the same folded cells, and the logistic regression of FastChat's leaderboard,
re-expressed with scikit-learn. Needs the `dev` extra. Data are drawn from the model, the seed is fixed.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [str(ROOT), *(path for path in sys.path if Path(path or ".").resolve() != ROOT / "benchmarks")]
# This file would otherwise hide the standard library's module of its name.

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from eval.report import Part, summarise  # noqa: E402
from eval.statistics.bradley_terry import fit  # noqa: E402
from eval.statistics.cells import Cells, Comparisons, weighted_cells  # noqa: E402
from eval.statistics.coding import code_votes  # noqa: E402
from eval.statistics.followed import followed  # noqa: E402
from eval.statistics.source import counted  # noqa: E402
from eval.statistics.strengths import strengths  # noqa: E402
from eval.statistics.study_index import StudyIndex  # noqa: E402
from ppai.frames import outcome_column, verdict_frame  # noqa: E402
from ppai.schema import Pair, Prompt, Response, Study, StudyConfig, System, Verdict  # noqa: E402

SYSTEMS, PROMPTS, VOTES, REPLICATES = 20, 1_000, 1_000_000, 1_000
TOPICS = 20
SKLEARN_REPLICATES = 20
"""Of the slow peer; its time is scaled to `REPLICATES`."""


@contextmanager
def timed(name: str, *, scale: float = 1.0, target: str = "") -> Iterator[None]:
    """Prints the wall time of what stands inside."""
    started = time.perf_counter()
    yield
    seconds = (time.perf_counter() - started) * scale
    print(f"{name:72s} {seconds:8.2f} s{f'   target {target}' if target else ''}", flush=True)


def arena() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Votes: prompt, first system, second system, wins of the first (one half in a tie), each of shape (VOTES,)."""
    rng = np.random.default_rng(1)
    truth = rng.normal(size=SYSTEMS)
    prompt = rng.integers(0, PROMPTS, VOTES)
    first = rng.integers(0, SYSTEMS, VOTES)
    second = (first + rng.integers(1, SYSTEMS, VOTES)) % SYSTEMS
    won = (rng.random(VOTES) < 1 / (1 + np.exp(truth[second] - truth[first]))).astype(float)
    return prompt, first, second, np.where(rng.random(VOTES) < 0.2, 0.5, won)


def folded(prompt: np.ndarray, first: np.ndarray, second: np.ndarray, won: np.ndarray) -> Comparisons:
    code, codes = pd.factorize((prompt * SYSTEMS + first) * SYSTEMS + second)
    wins, total = np.bincount(code, won), np.bincount(code)
    names = tuple(f"s{number}" for number in range(SYSTEMS))
    codes = np.asarray(codes, dtype=np.int64)
    return Comparisons(
        names, codes // SYSTEMS**2, codes // SYSTEMS % SYSTEMS, codes % SYSTEMS, wins.astype(float), total - wins
    )


def vote_replicates(comparisons: Comparisons, replicates: int) -> np.ndarray:
    """Votes resampled as the peers do, by cell: (replicates, 2 x cells), wins of the first, then of the second."""
    whole = weighted_cells(comparisons, np.ones((1, PROMPTS)))
    counts = np.concatenate([whole.row_wins[0].ravel(), whole.column_wins[0].ravel()])
    total = counts.sum()
    return np.random.default_rng(0).multinomial(int(total), counts / total, replicates).astype(float)


def time_strengths() -> None:
    print(f"{SYSTEMS} systems, {PROMPTS:,} prompts, {VOTES:,} votes, {REPLICATES:,} replicates")
    votes = arena()
    with timed("fold, fit and bootstrap over prompts, intervals, ranks, differences", target="2 s"):
        comparisons = folded(*votes)
        found = strengths(comparisons, replicates=REPLICATES)
    cells = weighted_cells(comparisons, np.ones((1, PROMPTS)))
    start = np.append(fit(cells).strengths[0], 0.0)
    with timed("fit and plain bootstrap over votes", target="1 s"):
        replicates = vote_replicates(comparisons, REPLICATES)
        half = replicates.shape[1] // 2
        shape = (-1, SYSTEMS, SYSTEMS)
        ours = fit(Cells(replicates[:, :half].reshape(shape), replicates[:, half:].reshape(shape)), start=start)
    peers = [evalica_peer(replicates[:, :half], replicates[:, half:])]
    peers.append(sklearn_peer(replicates[:SKLEARN_REPLICATES, :half], replicates[:SKLEARN_REPLICATES, half:]))
    for name, theirs in zip(("evalica", "scikit-learn"), peers, strict=True):
        apart = np.abs(ours.strengths[: len(theirs)] - theirs).max()
        print(f"  largest difference of a replicate's strength from {name}'s: {apart:.1e}")
    widths = [s.interval.high - s.interval.low for s in found.systems.values() if s.interval.high is not None]
    print(f"  mean width of an interval over prompts: {np.mean(widths):.4f}")


def time_many_systems() -> None:
    """Hundreds of systems, of which few pairs meet on a prompt."""
    systems, votes = 200, 200_000
    rng = np.random.default_rng(1)
    truth = rng.normal(size=systems)
    prompt, first = rng.integers(0, PROMPTS, votes), rng.integers(0, systems, votes)
    second = (first + rng.integers(1, systems, votes)) % systems
    won = (rng.random(votes) < 1 / (1 + np.exp(truth[second] - truth[first]))).astype(float)
    names = tuple(f"s{number}" for number in range(systems))
    comparisons = Comparisons(names, prompt, first, second, won, 1 - won)
    with timed(f"{systems} systems, {PROMPTS:,} prompts, {votes:,} votes, {REPLICATES:,} replicates over prompts"):
        strengths(comparisons, replicates=REPLICATES)


def evalica_peer(wins: np.ndarray, losses: np.ndarray) -> np.ndarray:
    import evalica

    names = [f"s{number}" for number in range(SYSTEMS)]
    pairs = [(a, b) for a in range(SYSTEMS) for b in range(SYSTEMS)]
    xs, ys = ([names[pair[side]] for pair in pairs] * 2 for side in (0, 1))
    winners = [evalica.Winner.X] * len(pairs) + [evalica.Winner.Y] * len(pairs)
    index = pd.Index(names)
    found = np.empty((len(wins), SYSTEMS))
    with timed("  evalica: the same replicates, one by one"):
        for place, weights in enumerate(np.concatenate([wins, losses], axis=1)):
            result = evalica.bradley_terry(xs, ys, winners, index=index, weights=weights.tolist())
            logs = np.log(result.scores.loc[names].to_numpy())
            found[place] = logs - logs.mean()
    return found


def sklearn_peer(wins: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """As FastChat's leaderboard: a logistic regression without penalty on +1 and -1, weighted by counts."""
    from sklearn.linear_model import LogisticRegression

    pairs = np.array([(a, b) for a in range(SYSTEMS) for b in range(SYSTEMS)])
    design = np.zeros((len(pairs), SYSTEMS))
    design[np.arange(len(pairs)), pairs[:, 0]] += 1
    design[np.arange(len(pairs)), pairs[:, 1]] -= 1
    design, label = np.concatenate([design, design]), np.repeat([1, 0], len(pairs))
    found = np.empty((len(wins), SYSTEMS))
    with timed(f"  scikit-learn, {len(wins)} replicates, scaled to {REPLICATES:,}", scale=REPLICATES / len(wins)):
        for place, weights in enumerate(np.concatenate([wins, losses], axis=1)):
            model = LogisticRegression(fit_intercept=False, C=np.inf, tol=1e-6, max_iter=1000)
            found[place] = model.fit(design, label, sample_weight=weights).coef_[0]
            found[place] -= found[place].mean()
    return found


def study_of(systems: int, prompts: int) -> Study:
    names = [f"s{number}" for number in range(systems)]
    rng = np.random.default_rng(2)
    ids = [str(number) for number in range(prompts)]
    return Study(
        config=StudyConfig(name="benchmark", systems=tuple(System(id=name) for name in names), labelled="random"),
        prompts=tuple(Prompt(id=one, text=one, topic=f"topic {int(one) % TOPICS}") for one in ids),
        responses=tuple(
            Response(prompt_id=one, system=name, text="x" * int(rng.integers(50, 500))) for one in ids for name in names
        ),
        pairs=tuple(Pair(prompt_id=one, first=a, second=b) for one in ids for a, b in combinations(names, 2)),
    )


def votes_of(study: Study, n: int) -> pd.DataFrame:
    """A vote frame of n votes by 400 raters, drawn at random."""
    rng = np.random.default_rng(3)
    names = np.array(study.config.system_ids)
    first = rng.integers(0, len(names), n)
    second = (first + rng.integers(1, len(names), n)) % len(names)
    return pd.DataFrame(
        {
            "vote_id": np.arange(n).astype(str),
            "prompt_id": rng.choice([prompt.id for prompt in study.prompts], n),
            "system_a": names[first],
            "system_b": names[second],
            "rater": np.char.add("r", rng.integers(0, 400, n).astype(str)),
            "arm": "as_is",
            "repeat": 0,
            "revision": 1,
            "status": "submitted",
            "seconds": rng.gamma(4, 15, n),
            "created_at": np.sort(rng.random(n)) * 1e6,
        }
        | {outcome_column(key): rng.choice([-1, 0, 1], n).astype(np.int8) for key in study.config.keys}
    )


def verdicts_of(study: Study, judges: int) -> pd.DataFrame:
    """Each judge on every pair in both orders."""
    rng = np.random.default_rng(4)
    keys = study.config.keys
    found = [
        Verdict(
            judge=f"j{judge}",
            prompt_id=pair.prompt_id,
            system_a=a,
            system_b=b,
            outcomes=dict(zip(keys, rng.choice(["a", "b", "tie"], len(keys)).tolist(), strict=True)),
        )
        for pair in study.pairs
        for judge in range(judges)
        for a, b in ((pair.first, pair.second), (pair.second, pair.first))
    ]
    return verdict_frame(found, keys)


def time_summary() -> None:
    for systems, prompts in ((2, 1_000), (5, 200)):
        study = study_of(systems, prompts)
        votes, verdicts = votes_of(study, 100_000), verdicts_of(study, 3)
        what = (
            f"{systems} systems, {prompts:,} prompts, 7 criteria, 100,000 votes, {len(verdicts):,} verdicts of 3 judges"
        )
        print(what)
        with timed("the whole summary", target="5 s"):
            summarise(study, votes, verdicts).as_json()
        with timed("  rates, counts, habits and raters alone"):
            summarise(study, votes, verdicts, parts=()).as_json()
        for part in Part:
            with timed(f"  the same and {part.value}"):
                summarise(study, votes, verdicts, parts=[part]).as_json()


def time_sequence() -> None:
    """All pairs of systems are followed at once."""
    study = study_of(SYSTEMS, PROMPTS)
    rows, _ = code_votes(StudyIndex.of(study), votes_of(study, VOTES), study.config.keys)
    answers = counted(rows)
    with timed(f"{SYSTEMS} systems, {PROMPTS:,} prompts, {VOTES:,} votes: the confidence sequences", target="1.5 s"):
        found = followed(answers, study.config).matchups
    print(f"  {len(found)} matchups, {sum(one.interval.n for one in found.values()):,} completed prompts")


def time_growth() -> None:
    study = study_of(5, 1_000)
    none = verdicts_of(study, 0)
    print("5 systems, 1,000 prompts, 7 criteria, no judge")
    for n in (10_000, 100_000, 1_000_000):
        votes = votes_of(study, n)
        with timed(f"the whole summary of {n:,} votes"):
            summarise(study, votes, none)


def measure_memory() -> None:
    """In a process of its own, whose peak is the summary's."""
    study = study_of(5, 1_000)
    votes = votes_of(study, 1_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    summarise(study, votes, verdicts_of(study, 0)).as_json()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    frame = votes.memory_usage(deep=True).sum() / 1e6
    print(
        f"1,000,000 votes of 5 systems on 7 criteria: peak {peak / 1e3:,.0f} MB, of which {before / 1e3:,.0f} MB stood "
        f"before the summary (a frame of {frame:,.0f} MB); target 1,000 MB"
    )


PARTS: dict[str, Callable[[], None]] = {
    "strengths": time_strengths,
    "systems": time_many_systems,
    "sequence": time_sequence,
    "summary": time_summary,
    "growth": time_growth,
    "memory": measure_memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS))
    names = parser.parse_args().only.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        parser.error(f"--only: {', '.join(unknown)}: not one of {', '.join(PARTS)}")
    if len(names) == 1:
        PARTS[names[0]]()
        return
    for name in names:
        subprocess.run([sys.executable, __file__, "--only", name], check=True)


if __name__ == "__main__":
    main()
