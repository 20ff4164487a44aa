"""Prints a scoring as the published tables were: a table a metric, a row a system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ppai.schema import Scores

Figure = tuple[str, str, int]
"""A figure's key, its heading, and its digits after the point."""

METRICS: tuple[tuple[str, str, tuple[Figure, ...]], ...] = (
    (
        "bleu",
        "BLEU",
        (
            ("bleu", "BLEU", 5),
            *((f"bleu_p{order}", f"P@{order}", 4) for order in range(1, 5)),
            ("bleu_brevity_penalty", "Brevity Penalty", 4),
            ("bleu_length_ratio", "Length Ratio", 2),
        ),
    ),
    (
        "rouge",
        "ROUGE",
        (("rouge1", "ROUGE-1", 4), ("rouge2", "ROUGE-2", 4), ("rougeL", "ROUGE-L", 4), ("rougeLsum", "ROUGE-Lsum", 4)),
    ),
    (
        "bertscore",
        "BERTScore (avg.)",
        (("bertscore_precision", "Precision", 4), ("bertscore_recall", "Recall", 4), ("bertscore_f1", "F1", 4)),
    ),
)
HEADLINES = ("bleu", "rouge1", "rouge2", "rougeL", "rougeLsum", "bertscore_f1")
"""Figures whose interval and differences are printed; those of the others are stored."""

DESCRIPTION: Mapping[str, tuple[str, int]] = {
    "words": ("words", 1),
    "sentences": ("sentences", 1),
    "characters": ("characters", 0),
    "list_share": ("share with a list", 2),
    "reading_grade": ("reading grade (ARI)", 1),
    "first_person_share": ("first person, share of words", 4),
    "second_person_share": ("second person, share of words", 4),
    "questions": ("questions", 2),
    "exclamation_marks": ("exclamation marks", 2),
    "distinct_2": ("distinct-2", 3),
    "self_repetition": ("self-repetition of 4-grams", 4),
}


def reference_tables(scores: Scores, names: Mapping[str, str]) -> list[str]:
    """The lines of a scoring against references; `names` says what each system is called."""
    lines: list[str] = []
    for metric, title, figures in METRICS:
        if metric in scores.signatures:
            lines += [title, *_metric_table(scores, figures, names), f"signature: {scores.signatures[metric]}", ""]
    return [*lines, *_difference_table(scores), ""]


def description_table(scores: Scores, names: Mapping[str, str]) -> list[str]:
    """The lines of a description: a row a figure, a column a system, and with two systems their difference."""
    gaps = dict(scores.differences) if len(scores.differences) == 1 else {}
    header = ["", *(names[system] for system in scores.systems)]
    for label in gaps:
        header += [label, "p"]
    rows = [header]
    for key, (title, digits) in DESCRIPTION.items():
        row = [title, *(_with_interval(figures[key], digits) for figures in scores.systems.values())]
        for found in gaps.values():
            row += [_with_interval(found[key], digits, signed=True), _p(found[key])]
        rows.append(row)
    n = ", ".join(f"{names[system]} {figures['words']['n']}" for system, figures in scores.systems.items())
    return [f"Responses (means; n: {n})", *aligned(rows), ""]


def _metric_table(scores: Scores, figures: Sequence[Figure], names: Mapping[str, str]) -> list[str]:
    rows = [["Model", *(heading for _, heading, _ in figures), "n"]]
    for system, found in scores.systems.items():
        cells = [
            _with_interval(found[key], digits) if key in HEADLINES else _number(found[key]["estimate"], digits)
            for key, _, digits in figures
        ]
        rows.append([names[system], *cells, str(found[figures[0][0]]["n"])])
    return aligned(rows)


def _difference_table(scores: Scores) -> list[str]:
    """A row a pair of systems and headline figure."""
    headings = {key: (heading, digits) for _, _, figures in METRICS for key, heading, digits in figures}
    headings["bertscore_f1"] = ("BERTScore F1", 4)
    rows = [["Difference", "", f"x - y [{scores.confidence:.0%}]", "p", "n"]]
    for label, found in scores.differences.items():
        for key in (key for key in HEADLINES if key in found):
            heading, digits = headings[key]
            gap = found[key]
            rows.append([label, heading, _with_interval(gap, digits, signed=True), _p(gap), str(gap["n"])])
    return aligned(rows) if len(rows) > 1 else []


def _with_interval(figure: Mapping[str, Any], digits: int, *, signed: bool = False) -> str:
    if figure["estimate"] is None:
        return f"- ({figure['reason']})"
    numbers = (_number(figure[key], digits, signed=signed) for key in ("estimate", "low", "high"))
    return "{} [{}, {}]".format(*numbers)


def _number(value: float | None, digits: int, *, signed: bool = False) -> str:
    return "-" if value is None else f"{value:{'+' if signed else ''}.{digits}f}"


def _p(gap: Mapping[str, Any]) -> str:
    return "-" if gap["p"] is None else f"{gap['p']:.4f}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines, the first column flush left and the others flush right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
