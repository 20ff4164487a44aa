"""What each figure of a Summary is, in words: the estimator, the interval and their sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ppai.ui.labels import COMBINED_PREFIX


@dataclass(frozen=True)
class Method:
    """One paragraph."""

    figure: str
    keys: tuple[str, ...]
    """Of the Summary, under which its figures stand."""
    words: str
    sources: str = ""


STRENGTHS, COMBINED = "Bradley-Terry strengths", "People and a judge in one"
"""Those that draw at random, and have a seed."""
METHODS = (
    Method(
        "Win rates and shares",
        ("win_rate", "shares", "tie_share"),
        "A pair is a prompt with two systems. Several votes on a pair are averaged first, a win counting 1, a tie one "
        "half and a loss 0; then every pair weighs the same. A judge's pair read in both orders is merged: the mean of "
        "the two outcomes for a win rate, and for a share a win only where both orders name the same system. The "
        "interval is Agresti and Coull's, extended to prompts as clusters: z²/2 prompts of wins and z²/2 of losses "
        "join those there are; under five prompts Student's t takes the place of the normal quantile. What was skipped "
        "or could not be scored is counted, and is neither a tie nor a loss.",
        "Agresti & Coull (1998), The American Statistician 52; Cochran (1977), Sampling Techniques, chapter 6",
    ),
    Method(
        "Sign test",
        ("sign_test",),
        "Exact and two-sided, on the prompts whose mean outcome favours one system. Holm's p adjusts it for the "
        "several criteria of one source.",
        "Dixon & Mood (1946), Journal of the American Statistical Association 41; "
        "Holm (1979), Scandinavian Journal of Statistics 6",
    ),
    Method(
        "Win rates over prompts and raters",
        ("win_rate_two_way",),
        "A check of how far the answer depends on who rated, from ten raters on: the variances over prompts and over "
        "raters are added, less that over both.",
        "Cameron, Gelbach & Miller (2011), Journal of Business & Economic Statistics 29",
    ),
    Method(
        "Win rates at equal length",
        ("length_controlled",),
        "A logit of the outcome on the systems and on tanh of the difference of lengths in characters over its "
        "standard deviation about zero, never centred, with a small ridge; the answer is the model's at equal length, "
        "with an interval robust over prompts. It is an adjustment and no causal claim, and where one system is nearly "
        "always longer it is extrapolated.",
        "Dubois, Galambosi, Liang & Hashimoto (2024), Length-controlled AlpacaEval",
    ),
    Method(
        COMBINED,
        ("combined",),
        "A prediction-powered win rate: people's votes on a random set of prompts, corrected by a judge's verdicts on "
        "all of them. How far the judge counts, lambda in [0, 1], is tuned and cross-fitted.",
        "Angelopoulos, Duchi & Zrnic (2023), PPI++, arXiv:2311.01453; Zrnic & Candès (2024), PNAS 121",
    ),
    Method(
        STRENGTHS,
        ("bradley_terry", "bradley_terry_differences"),
        "Natural-log strengths of mean 0, by maximum likelihood; a tie is half a win each. Intervals resample prompts, "
        "and are no narrower than a robust one; replicates without an estimate of their own are kept under a small "
        "symmetric prior and counted. Ranks follow from simultaneous intervals of all differences.",
        "Hunter (2004), Annals of Statistics 32; Hesterberg (2015), The American Statistician 69; "
        "Mogstad, Romano, Shaikh & Wilhelm (2024), Review of Economic Studies 91",
    ),
    Method(
        "Habits of position and length",
        ("first_position", "longer_wins"),
        "Of decisive outcomes, not merged, the share won by the response shown first, or by the longer one. The "
        "interval is that of win rates, over prompts.",
    ),
    Method(
        "Agreement",
        ("with_ties", "without_ties", "majority_accuracy", "orders_consistent", "flips_to_first", "test_retest"),
        "Shares of equal outcomes: of two votes on a pair, of a vote and a merged verdict, of a verdict and people's "
        "strict majority, of a judge's two orders, of a vote and its hidden repeat. The interval is that of win rates, "
        "over prompts: resampling raters would inflate agreement.",
    ),
    Method(
        "Agreement corrected for chance",
        ("cohen_kappa", "krippendorff_alpha", "krippendorff_alpha_ordinal", "gwet_ac1"),
        "An outcome is coded by the system that won, the two ids of a pair in code-point order. Intervals are of a "
        "jackknife over prompts, with pseudo-prompts as Agresti and Coull's.",
        "Cohen (1960), Educational and Psychological Measurement 20; Krippendorff (2011), Computing Krippendorff's "
        "alpha-reliability; Gwet (2008), British Journal of Mathematical and Statistical Psychology 61; "
        "Efron & Stein (1981), Annals of Statistics 9",
    ),
    Method(
        "Whether a judge may stand in for people",
        ("gap",),
        "On the same pairs, with two votes or more, its agreement with a vote is shown to be no more than .05 below "
        "that of another vote, its orders agree in 85% of pairs, and its length habit is within .1 of people's.",
        "Agresti & Min (2005), Statistics in Medicine 24",
    ),
    Method(
        "The confidence sequence",
        ("sequence",),
        "Bounds on people's win rate on the primary criterion that hold at every look at once, by betting against each "
        "candidate, updated with each completed prompt in an order fixed beforehand; the error is shared over the "
        "criteria. A difference is decided when 50% is out, and two systems are equal within the margin when all that "
        "is further from 50% is out.",
        "Waudby-Smith & Ramdas (2024), Journal of the Royal Statistical Society B 86; Orabona & Jun (2024)",
    ),
    Method(
        "How far criteria say the same",
        ("correlations",),
        "The share of pairs with the same outcome on two criteria, with the interval of a share over prompts, and the "
        "correlation of the outcomes.",
    ),
    Method(
        "Topics",
        ("topics",),
        "The win rates and shares of one topic's prompts by themselves; no topic lends another strength, so that a "
        "topic of few prompts has a wide interval.",
    ),
    Method(
        "Raters",
        ("without_flagged",),
        "Flags rest on how a rater votes (one side, speed, ties alone, answers that change on a repeat, disagreement "
        "with all others), never on which system wins; the figures without flagged raters stand beside those with all.",
    ),
    Method(
        "The blinding index",
        ("blinding",),
        "Bang's index of raters' guesses which side came from which system: right guesses less wrong ones over all "
        "asked, 1 where all could tell and 0 at chance; the interval takes the rater as the unit.",
        "Bang, Ni & Davis (2004), Controlled Clinical Trials 25",
    ),
)


def methods_of(summary: Mapping[str, Any]) -> list[tuple[Method, tuple[str, ...]]]:
    """The methods of the figures that a Summary has, each with what the figures say of theirs."""
    found: dict[str, dict[str, None]] = {}
    for path, method in _figures(summary, ()):
        for key in path:
            found.setdefault(key, {}).update({method: None} if method else {})
    told = []
    for one in METHODS:
        present = [found[key] for key in one.keys if key in found]
        if present:
            told.append((one, tuple(dict.fromkeys(method for methods in present for method in methods))))
    return told


def _figures(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where each INTERVAL that has numbers stands, and each p value, with its method."""
    if isinstance(value, Mapping):
        if value.get("estimate") is not None:
            yield _kinds(path), str(value.get("method") or "")
        elif value.get("p") is not None:
            yield path, ""
        for key, inner in value.items():
            yield from _figures(inner, (*path, str(key)))


def _kinds(path: tuple[str, ...]) -> tuple[str, ...]:
    """What people and a judge say together is no win rate of either."""
    return ("combined",) if any(key.startswith(COMBINED_PREFIX) for key in path) else path
