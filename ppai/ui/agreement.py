"""How far people agree among themselves and with their earlier votes, and their habits of order and length. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ppai.ui.filters import Filters
from ppai.ui.labels import HUMAN, Labels, counted, decimal, interval, rater_label, source_phrase
from ppai.ui.records import INTERVAL_COLUMNS, Record, csv_text
from ppai.ui.sections import Section, level
from ppai.ui.table import Cell, Column, Notes, Table

Json = Mapping[str, Any]

COEFFICIENTS = ("krippendorff_alpha", "krippendorff_alpha_ordinal", "gwet_ac1", "fleiss_kappa")
FIGURES = ("with_ties", "without_ties", *COEFFICIENTS, "test_retest", "first_position", "longer_wins")
"""In the order of the table; keys of a Summary's `human_human`, the habits of its people."""

FEW_CRITERIA = 3
"""Criteria up to which a table has room for an estimate and its interval on one line."""
SAME_ONLY = "both gave the same one outcome to all pairs that they share, so the coefficient is not defined"
NOT_COMPARED = "Not here: people without a pair in common; and of many, all but those with most votes."
CODING = (
    "Alpha, AC1 and kappa depend on how outcomes are coded: here by the system that won, the two ids of a pair in "
    "code-point order, a tie being an outcome of its own; for ordinal alpha it lies between the two wins. Where nearly "
    "all outcomes are the same, alpha and kappa are low even though people agree, and AC1 is not."
)


def agreement_section(summary: Json, labels: Labels, filters: Filters) -> Section | None:
    """None where nobody voted."""
    if not any(_voted(summary, criterion) for criterion in labels.criteria):
        return None
    pairs = rater_table(summary, labels)
    return Section(
        "agreement",
        None,
        "n is each figure's own: comparisons of two votes on a pair, pairs with two votes, hidden repeats, or decisive "
        f"votes. Intervals are at {level(summary)}. {CODING}",
        (agreement_table(summary, labels),),
        csv_text(agreement_records(summary, filters), INTERVAL_COLUMNS),
        open=True,
        more=(pairs,) if pairs.rows else (),
        more_key="results.agreement.rater_pairs",
        lead=(in_words(summary, labels, filters.criterion),),
    )


def figures_of(summary: Json, criterion: str) -> dict[str, Json]:
    """INTERVALs by the names of `FIGURES`; Fleiss' kappa has an estimate alone, and alpha's reason for having none."""
    if not _voted(summary, criterion):
        return {}
    between = _between(summary, criterion)
    both = {**summary["criteria"][criterion][HUMAN], **between}
    alpha = between.get("krippendorff_alpha", {})
    both["fleiss_kappa"] = {"estimate": between.get("fleiss_kappa"), "n": alpha.get("n"), "reason": alpha.get("reason")}
    return {name: both[name] for name in FIGURES if isinstance(both.get(name), Mapping)}


def in_words(summary: Json, labels: Labels, criterion: str) -> str:
    """How often two people say the same on a criterion, and how far that is above chance; or why nobody can tell."""
    found, name = figures_of(summary, criterion), labels.criterion(criterion)
    same = found.get("with_ties")
    if same is None or same["estimate"] is None:
        why = f": {same['reason']}" if same is not None and same.get("reason") else ""
        return f"How far people agree on {name} is not known{why}."
    sentence = f"On {name} two people gave the same outcome in {interval(same)} of {_comparisons(same)}"
    decisive = found["without_ties"]
    if decisive["estimate"] is not None and decisive["n"] != same["n"]:
        sentence += f", and in {interval(decisive)} of the {decisive['n']:,} without a tie"
    coefficients = [
        f"{title} is {decimal(found[key])}"
        for key, title in (("krippendorff_alpha", "Krippendorff's alpha (nominal)"), ("gwet_ac1", "Gwet's AC1"))
        if found[key]["estimate"] is not None
    ]
    beyond = f" Beyond what chance would give, {' and '.join(coefficients)}." if coefficients else ""
    return f"{sentence}.{beyond}"


def agreement_table(summary: Json, labels: Labels) -> Table:
    """A row a figure, a column a criterion."""
    notes, wide = Notes(), len(labels.criteria) <= FEW_CRITERIA
    found = [figures_of(summary, criterion) for criterion in labels.criteria]
    return Table(
        f"Agreement of people among themselves, and their habits, with {level(summary)} intervals",
        (Column("results.column.figure"), *_criteria(labels)),
        tuple(
            (Cell(key=f"results.agreement.{name}"), *(_cell(name, one.get(name), notes, wide=wide) for one in found))
            for name in FIGURES
        ),
        notes=notes.texts,
    )


def rater_table(summary: Json, labels: Labels) -> Table:
    """Cohen's kappa: a row every two raters with a pair in common, a column a criterion."""
    notes, raters = Notes(), summary["balance"]["raters"]
    kappas = [_between(summary, criterion).get("raters", {}) for criterion in labels.criteria]
    several = max((_between(summary, criterion).get("n_raters", 0) for criterion in labels.criteria), default=0)
    compared = {rater for one in kappas for key in one for rater in _two(key, raters)}
    return Table(
        "Cohen's kappa of every two people, over the pairs that both voted on",
        (Column("results.column.rater"), Column("results.agreement.other_rater"), *_criteria(labels)),
        tuple(
            (*(rater_label(rater) for rater in _two(key, raters)), *(_kappa(one, key, notes) for one in kappas))
            for key in dict.fromkeys(key for one in kappas for key in one)
        ),
        headers=2,
        notes=notes.texts,
        remarks=(NOT_COMPARED,) if several > len(compared) else (),
    )


def agreement_records(summary: Json, filters: Filters) -> list[Record]:
    """Every figure of every criterion, a row each; then the kappas of every two raters."""
    records: list[Record] = []
    for criterion in summary["criteria"]:
        common = {"arm": filters.arm, "topic": filters.topic or "", "criterion": criterion}
        common |= {"source": source_phrase(HUMAN)}
        found = figures_of(summary, criterion)
        records += [common | {"figure": name, "of": ""} | dict(values) for name, values in found.items()]
        kappas = _between(summary, criterion).get("raters", {})
        records += [
            common | {"figure": "cohen_kappa", "of": key, "estimate": kappa} | _reason(kappa)
            for key, kappa in kappas.items()
        ]
    return records


def _voted(summary: Json, criterion: str) -> bool:
    return bool(summary["criteria"].get(criterion, {}).get(HUMAN, {}).get("n"))


def _between(summary: Json, criterion: str) -> Json:
    found: Json = summary["agreement"].get(criterion, {}).get("human_human", {})
    return found


def _criteria(labels: Labels) -> Iterator[Column]:
    return (Column(name=labels.title(criterion), number=True) for criterion in labels.criteria)


def _comparisons(figures: Json) -> str:
    return counted(figures["n"], "comparison")


def _cell(name: str, found: Json | None, notes: Notes, *, wide: bool) -> Cell:
    """A figure with its interval and n below; a dash with the note that says why there is none."""
    if found is None:
        return Cell("–")
    if found["estimate"] is None:
        return Cell("–", notes=(notes.number(str(found["reason"])),) if found.get("reason") else ())
    size = f"n {found['n']:,}"
    if name == "fleiss_kappa":
        return Cell(_number(found["estimate"]), under=(size,))
    text = decimal(found) if name in COEFFICIENTS else interval(found)
    if wide:
        return Cell(text, under=(size,))
    estimate, _, bounds = text.partition(" ")
    return Cell(estimate, under=tuple(line.replace(" ", "\u00a0") for line in (bounds, size)))


def _kappa(kappas: Json, key: str, notes: Notes) -> Cell:
    if key not in kappas:
        return Cell("–")
    kappa = kappas[key]
    return Cell("–", notes=(notes.number(SAME_ONLY),)) if kappa is None else Cell(_number(kappa))


def _number(coefficient: float) -> str:
    """Adding 0 turns -0 into 0."""
    return f"{round(coefficient, 2) + 0:.2f}".replace("-", "−")


def _reason(kappa: float | None) -> Record:
    return {"reason": SAME_ONLY} if kappa is None else {}


def _two(key: str, raters: Mapping[str, Any]) -> tuple[str, str]:
    """The raters behind `r1|r2`, whatever characters their ids hold."""
    cuts = [(key[:place], key[place + 1 :]) for place, sign in enumerate(key) if sign == "|"]
    return next((cut for cut in cuts if cut[0] in raters and cut[1] in raters), cuts[0])
