"""Intervals and tests of BLEU and ROUGE, against the bootstraps that sacrebleu and `evaluate`'s rouge bring.

    python benchmarks/metrics.py [--study DIR] [--evaluate DIR]

Same texts, same run: the responses of two systems of a study, each scored against answers made of both. All score
the texts once; what is timed is the resampling, in turns that call each again for 20 ms, and the fastest of each is
compared. Every call of ours draws its resamples anew, which is half of its time. BLEU alone was 17 to 19 times faster
than sacrebleu on a busy machine of two cores, and only some 10 times where each call follows other work, its caches
cold; ROUGE 75 to 100 times. What must be 20 times faster is all intervals together. Scores must be equal to 1e-9.

`--evaluate` names a folder with `evaluate`'s own bleu and rouge scripts (bleu/bleu.py, rouge/rouge.py), to compare
with them too; without one its loader needs the network. Needs the `scores` extra.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rouge_score.rouge_scorer import RougeScorer
from rouge_score.scoring import BootstrapAggregator
from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest, _bootstrap_resample

from eval.metrics import resampling
from eval.metrics.bleu import bleu
from eval.metrics.measure import Measure
from eval.metrics.resampling import Resampling, intervals, randomised_p
from eval.metrics.rouge import NAMES as ROUGE
from eval.metrics.rouge import rouge
from ppai.studyfiles import read_study

ROOT = Path(__file__).parents[1]
RESAMPLES = 1000
HOW = Resampling(resamples=RESAMPLES)
TURN = 0.02
"""Seconds at least that one is called again and again before it is the other's turn."""
NEEDED = 20
"""Times faster, for the intervals together."""

Texts = list[str]


def responses(directory: Path) -> tuple[Texts, Texts, Texts]:
    """The responses of the first two systems, and answers of which each has a half."""
    study = read_study(directory)
    first, second = (
        {one.prompt_id: one.text for one in study.responses if one.system == system}
        for system in study.config.system_ids[:2]
    )
    shared = [prompt.id for prompt in study.prompts if prompt.id in first and prompt.id in second]
    one, other = [first[key] for key in shared], [second[key] for key in shared]
    answers = [a[: len(a) // 2] + " " + b[len(b) // 2 :] for a, b in zip(one, other, strict=True)]
    return one, other, answers


def fastest(*works: Callable[[], Any], rounds: int = 15) -> list[float]:
    """Seconds a call of each, taken in turns so that what else the machine does meets all of them."""
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for place, work in enumerate(works):
            best[place] = min(best[place], seconds_a_call(work))
    return best


def seconds_a_call(work: Callable[[], Any]) -> float:
    """The mean of as many calls as a turn holds."""
    calls, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < TURN:
        work()
        calls += 1
    return passed / calls


def sacrebleu_intervals(metric: BLEU, statistics: Sequence[list[list[int]]]) -> list[Any]:
    """What `corpus_score(n_bootstrap=...)` does after it has counted n-grams."""
    scores = []
    for counts in statistics:
        score = metric._aggregate_and_compute(counts)
        score.estimate_ci(_bootstrap_resample(counts, metric, RESAMPLES)[1])
        scores.append(score)
    return scores


def rouge_intervals(scored: Sequence[Sequence[dict[str, Any]]]) -> list[Any]:
    """What `evaluate`'s rouge does after it has scored the texts."""
    found = []
    for rows in scored:
        aggregator = BootstrapAggregator(n_samples=RESAMPLES)
        for row in rows:
            aggregator.add_scores(row)
        found.append(aggregator.aggregate())
    return found


def ours(measures: Sequence[Measure]) -> list[Any]:
    """From nothing: the draws that one measure leaves for the next are forgotten first."""
    resampling._kept_weights.cache_clear()
    return [intervals(measure, HOW) for measure in measures]


def equal(name: str, found: float, peer: float) -> None:
    if abs(found - peer) > 1e-9:
        raise SystemExit(f"{name}: {found!r} here and {peer!r} there")


def against_evaluate(directory: Path, texts: Texts, answers: Texts) -> None:
    import evaluate

    found = evaluate.load(str(directory / "bleu")).compute(predictions=texts, references=answers)
    measure = bleu(texts, [[one] for one in answers])
    names = ["bleu", *found["precisions"], "brevity_penalty", "length_ratio"]
    peers = [found["bleu"], *found["precisions"], found["brevity_penalty"], found["length_ratio"]]
    for name, value, peer in zip(names, measure.of_all.tolist(), peers, strict=True):
        equal(f"evaluate's {name}", value, peer)
    each = evaluate.load(str(directory / "rouge")).compute(predictions=texts, references=answers, use_aggregator=False)
    values = rouge(texts, [[one] for one in answers]).of_each.T.tolist()
    for name, row in zip(ROUGE, values, strict=True):
        for value, peer in zip(row, each[name], strict=True):
            equal(f"evaluate's {name}", value, peer)
    print(f"equal to evaluate's bleu and rouge on {len(texts)} texts to 1e-9")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", type=Path, default=ROOT / "data_to_share")
    parser.add_argument("--evaluate", type=Path)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    one, other, answers = responses(given.study)
    listed = [[answer] for answer in answers]
    if given.evaluate:
        against_evaluate(given.evaluate, one, answers)

    metric, scorer = BLEU(smooth_method="none", force=True), RougeScorer(list(ROUGE))
    counts = [metric._extract_corpus_statistics(texts, [answers]) for texts in (one, other)]
    scored = [[scorer.score(a, t) for a, t in zip(answers, texts, strict=True)] for texts in (one, other)]
    bleus, rouges = [bleu(texts, listed) for texts in (one, other)], [rouge(texts, listed) for texts in (one, other)]
    for found, peer in zip(bleus, sacrebleu_intervals(metric, counts), strict=True):
        equal("BLEU", found.of_all[0], peer.score / 100)
    for found, rows in zip(rouges, scored, strict=True):
        for name, value in zip(ROUGE, found.of_all.tolist(), strict=True):
            equal(name, value, sum(row[name].fmeasure for row in rows) / len(rows))

    systems = [("one", one), ("other", other)]
    test = PairedTest(systems, {"BLEU": metric}, [answers], test_type="ar", n_samples=RESAMPLES)
    timed = {
        "BLEU intervals": fastest(lambda: sacrebleu_intervals(metric, counts), lambda: ours(bleus)),
        "ROUGE intervals": fastest(lambda: rouge_intervals(scored), lambda: ours(rouges)),
        "BLEU paired test": fastest(test, lambda: randomised_p(*bleus, HOW), rounds=5),
    }
    print(f"{len(one)} prompts, 2 systems, {RESAMPLES} resamples; milliseconds")
    print(f"{'':18s} {'peer':>10s} {'ppai':>10s} {'times':>8s}")
    for name, (peer, here) in timed.items():
        print(f"{name:18s} {peer * 1000:10.1f} {here * 1000:10.2f} {peer / here:8.0f}")
    theirs, mine = (sum(timed[name][place] for name in ("BLEU intervals", "ROUGE intervals")) for place in (0, 1))
    print(f"{'all intervals':18s} {theirs * 1000:10.1f} {mine * 1000:10.2f} {theirs / mine:8.0f}")
    if theirs / mine < NEEDED:
        raise SystemExit(f"less than {NEEDED} times faster")


if __name__ == "__main__":
    main()
