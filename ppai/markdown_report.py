"""The tables of the published README for any study, in Markdown: answers, ranks, win shares, agreement and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ppai.markdown import item, table, typed
from ppai.schema import Arm, Scores
from ppai.static_report.arms import ArmReport
from ppai.ui.labels import ARMS, Labels, decimal, sources_of
from ppai.ui.leaderboard import not_ranked, rank
from ppai.ui.markup import english
from ppai.ui.metric_tables import DESCRIPTION, FAMILIES, STALE, Family, difference_of, figures_of, p_value, written

Json = Mapping[str, Any]

BETWEEN = {
    "with_ties": "Same, ties counted",
    "without_ties": "Same, ties left out",
    "majority_accuracy": "Right by the majority",
    "cohen_kappa": "Cohen's kappa",
    "krippendorff_alpha": "Krippendorff's alpha",
    "gwet_ac1": "Gwet's AC1",
    "orders_consistent": "Same in both orders",
}
"""Figures of agreement, and what a table calls them."""
DASH = "–"


def markdown_report(arms: list[ArmReport], summary: Json) -> str:
    """`summary` is the file of `--json`, of which every figure is."""
    return "\n".join(line for one in arms for line in _arm(one, summary)) + "\n"


def _arm(one: ArmReport, whole: Json) -> Iterator[str]:
    report = one.report
    summary = whole["arms"].get(one.arm, whole)
    labels, level = report.labels, f"{100 * summary['confidence']:.0f}%"
    shown = "" if one.arm == Arm.AS_IS.value else f" (responses {ARMS.get(one.arm, one.arm)})"
    yield f"## Results: {typed(report.study + shown)}\n"
    yield f"{typed(report.basis)}. Brackets hold {level} intervals; the unit is the {summary['clusters']}.\n"
    yield "### The answer in words\n"
    yield from [f"{typed(sentence)}\n" for sentence in report.ranks]
    if report.answers:
        yield from [*(item(f"{answer.text}.") for answer in report.answers), ""]
    elif not (report.ranks or report.rest):
        yield f"{typed(english('results.nothing'))}\n"
    yield from [f"{typed(sentence)}\n" for sentence in (*report.rest, *report.reading)]
    if report.not_usable:
        yield from [f"{typed(english('results.not_usable'))}:\n", *map(item, report.not_usable), ""]
    if len(summary["systems"]) == 2:
        yield from _shares(summary, labels)
    elif len(summary["systems"]) > 2:
        yield from _leaderboard(summary, labels)
        yield from _systems(summary, labels)
    yield from _agreement(summary, labels)
    for scores in whole["scores"]:
        if scores["arm"] == one.arm:
            yield from _metrics(scores, labels)


def _shares(summary: Json, labels: Labels) -> Iterator[str]:
    """For two systems: who won how often, by criterion; people first, then each judge."""
    reference = summary["reference"]
    other = next(system for system in summary["systems"] if system != reference)
    rows = [
        [
            labels.title(key),
            labels.source(source),
            *(_share(figures["shares"][system]) for system in (reference, other)),
            _share(figures["tie_share"]),
            f"{figures['n']:,}",
        ]
        for key, source, figures in _answered(summary, labels)
    ]
    yield "### Win shares\n"
    columns = ["Criterion", "Source", labels.system(reference), labels.system(other), "Tie", "Pairs"]
    yield from [*table(columns, rows, names=2), ""] if rows else ["No pair was compared.\n"]


def _systems(summary: Json, labels: Labels) -> Iterator[str]:
    """For three systems and more: each one's share of its own pairs, and its win rate against the reference."""
    reference = summary["reference"]
    rows = []
    for key, source, figures in _answered(summary, labels):
        for system in summary["systems"]:
            share, rate = figures["shares"][system], figures["win_rate"].get(f"{system}>{reference}")
            rows.append(
                [
                    labels.title(key),
                    labels.source(source),
                    labels.system(system),
                    _share(share),
                    f"{share['n']:,}",
                    DASH if rate is None else _share(rate),
                    DASH if rate is None else f"{rate['n']:,}",
                ]
            )
    against = f"Win rate against {labels.system(reference)}"
    columns = ["Criterion", "Source", "System", "Won of its own pairs", "Pairs", against, "Pairs"]
    yield "### Win shares\n"
    yield from [*table(columns, rows, names=3), ""] if rows else ["No pair was compared.\n"]


def _leaderboard(summary: Json, labels: Labels) -> Iterator[str]:
    """For three systems and more: the ranks that each may have, the strongest first, or why there are none."""
    rows, missing = [], []
    for key, source, figures in _answered(summary, labels):
        strengths = figures["bradley_terry"] or {}
        if not strengths:
            missing.append(f"{labels.title(key)}: {not_ranked(source, figures, labels)}")
        for system in sorted(strengths, key=lambda name: -strengths[name]["estimate"]):
            ranks = rank(strengths[system]).removeprefix("rank ")
            who = [labels.title(key), labels.source(source), labels.system(system)]
            rows.append([*who, ranks, decimal(strengths[system])])
    if rows or missing:
        yield "### Leaderboard\n"
    if rows:
        yield from [*table(["Criterion", "Source", "System", "Rank", "Strength (log odds)"], rows, names=3), ""]
    yield from [f"{typed(sentence)}\n" for sentence in missing]


def _answered(summary: Json, labels: Labels) -> Iterator[tuple[str, str, Json]]:
    """Criteria in the study's order, each with its sources that answered anything."""
    for key in labels.criteria:
        for source in sources_of(summary):
            figures = summary["criteria"].get(key, {}).get(source)
            if figures is not None and figures["n"]:
                yield key, source, figures


def _agreement(summary: Json, labels: Labels) -> Iterator[str]:
    """Between people, and of each judge with them; nothing where nothing can be said."""
    rows = []
    for key in labels.criteria:
        for name, found in summary["agreement"].get(key, {}).items():
            figures = [found.get(figure) for figure in BETWEEN]
            if any(one is not None and one["estimate"] is not None for one in figures):
                who = "people among themselves" if name == "human_human" else f"{labels.source(name)} and people"
                rows.append([labels.title(key), who, *(DASH if one is None else _figure(one) for one in figures)])
    if rows:
        yield "### Agreement\n"
        yield from [*table(["Criterion", "Between", *BETWEEN.values()], rows, names=2), ""]


def _metrics(scores: Json, labels: Labels) -> Iterator[str]:
    """A table a metric, a row a system, as they were published; then what made the numbers."""
    scoring = Scores.model_validate({key: value for key, value in scores.items() if key != "stale"})
    for family in FAMILIES:
        figures = figures_of(scoring, family)
        if not figures or (family is DESCRIPTION and scores["references"] is not None):
            continue
        against = f" against {scores['references']}" if scores["references"] is not None else ""
        encoder = f", encoder {scores['encoder']}" if family.name == "bertscore" and scores["encoder"] else ""
        yield f"### {typed(family.title + against + encoder)}\n"
        if scores["stale"]:
            yield f"{STALE}\n"
        rows = list(_metric_rows(scoring, family, figures, labels))
        headings = [english(f"results.figure.{name}").removeprefix("results.figure.") for name in figures]
        yield from [*table(["System", *headings, "n"], rows), ""]
        made = scores["signatures"].get(family.name)
        yield from [f"Made by {typed(made)}.\n"] if made else []


def _metric_rows(scores: Scores, family: Family, figures: list[str], labels: Labels) -> Iterator[list[str]]:
    for system, found in scores.systems.items():
        yield [
            labels.system(system),
            *(_score(name, found.get(name), written) for name in figures),
            _size(found, figures),
        ]
    for matchup in labels.matchups(scores.differences):
        found = scores.differences[matchup.key]
        name = f"{labels.system(matchup.x)} − {labels.system(matchup.y)}"
        yield [name, *(_score(one, found.get(one), difference_of) for one in figures), _size(found, figures)]


def _score(figure: str, found: Json | None, number: Callable[[str, float], str]) -> str:
    """An estimate with its interval, and the p of a difference."""
    if found is None or found["estimate"] is None:
        return DASH
    text = number(figure, found["estimate"])
    if found.get("low") is not None and found.get("high") is not None:
        text += f" [{written(figure, found['low'])}, {written(figure, found['high'])}]"
    return text if found.get("p") is None else f"{text}, p {p_value(found['p'])}"


def _size(found: Mapping[str, Json], figures: list[str]) -> str:
    return f"{max((found[name].get('n') or 0 for name in figures if name in found), default=0):,}"


def _figure(found: Json) -> str:
    """`0.70 [0.60, 0.78]`, as the published tables have shares; a dash where there is no number."""
    return DASH if found["estimate"] is None else decimal(found)


def _share(found: Json) -> str:
    """The same of a share, of which a bound is not rounded to one half."""
    return DASH if found["estimate"] is None else decimal(found, even=0.5)
