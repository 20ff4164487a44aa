"""The scores of automatic metrics: a table for each family of figures, never two encoders in one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppai.schema import Scores
from ppai.ui.filters import Filters
from ppai.ui.labels import Labels
from ppai.ui.markup import ENGLISH
from ppai.ui.records import Record, csv_text
from ppai.ui.sections import Section
from ppai.ui.table import Cell, Column, Notes, Table

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Family:
    """Figures of one metric, in the order of their columns."""

    name: str
    """Also of the metric in a scoring's signatures, and what its figures begin with."""
    title: str
    figures: tuple[str, ...]


DESCRIPTION = Family(
    "description",
    "Description of the responses",
    (
        "words",
        "sentences",
        "characters",
        "list_share",
        "reading_grade",
        "first_person_share",
        "second_person_share",
        "questions",
        "exclamation_marks",
        "distinct_2",
        "self_repetition",
    ),
)
FAMILIES = (
    Family(
        "bleu",
        "BLEU",
        ("bleu", "bleu_p1", "bleu_p2", "bleu_p3", "bleu_p4", "bleu_brevity_penalty", "bleu_length_ratio"),
    ),
    Family("rouge", "ROUGE", ("rouge1", "rouge2", "rougeL", "rougeLsum")),
    Family("bertscore", "BERTScore", ("bertscore_precision", "bertscore_recall", "bertscore_f1")),
    DESCRIPTION,
)
"""A figure that none of them names belongs to the one whose name it begins with, else to the description."""

PERCENT = frozenset({"list_share", "first_person_share", "second_person_share"})
DIGITS = {"words": 1, "sentences": 1, "characters": 0, "reading_grade": 1, "questions": 2, "exclamation_marks": 2}
"""After the point; four where none are named."""
SCORE_COLUMNS = ("scoring", "arm", "references", "encoder", "figure", "of", "estimate", "low", "high", "n", "p")


def metric_section(scorings: Sequence[Scores], labels: Labels, filters: Filters) -> Section | None:
    """None where nothing of the arm was scored."""
    of_arm = [one for one in scorings if one.arm.value == filters.arm]
    tables = tuple(table for scores, family in _shown(of_arm) for table in (metric_table(scores, family, labels),))
    if not tables:
        return None
    compared = any(scores.references is not None for scores in of_arm)
    references = "References are human answers: likeness to them is not the same as being helpful. " if compared else ""
    return Section(
        "metrics",
        None,
        f"{references}All topics, whichever is chosen above. n is the number of prompts. The interval stands under "
        "each score; a row of two systems holds their difference, its interval and the p of a paired test.",
        tables,
        csv_text([record for scores in of_arm for record in score_records(scores)], SCORE_COLUMNS),
        open=True,
    )


def family_of(figure: str) -> Family:
    return next(
        (family for family in FAMILIES if figure in family.figures or figure.startswith(family.name)), DESCRIPTION
    )


def _shown(scorings: Sequence[Scores]) -> Iterator[tuple[Scores, Family]]:
    """Family by family, each scoring that has figures of it; what scorings by several encoders share is shown once."""
    shown: list[object] = []
    for family in FAMILIES:
        for scores in scorings:
            figures = _figures(scores, family)
            if not figures:
                continue
            of = None if family is DESCRIPTION else scores.references
            parts = (scores.systems, scores.differences)
            values = [{key: {name: row.get(name) for name in figures} for key, row in part.items()} for part in parts]
            same = (family, of, values)
            if same in shown:
                continue
            shown.append(same)
            yield scores, family


def _figures(scores: Scores, family: Family) -> list[str]:
    """Those of a family that any system has: the known ones in their order, then others by name."""
    found = {name for figures in scores.systems.values() for name in figures if family_of(name) is family}
    return [*(name for name in family.figures if name in found), *sorted(found.difference(family.figures))]


def metric_table(scores: Scores, family: Family, labels: Labels) -> Table:
    """A row a system, then a row a difference between two; a column a figure."""
    figures, notes = _figures(scores, family), Notes()
    known = [system for system in labels.systems if system in scores.systems]
    rows: list[tuple[str | Cell, ...]] = [
        _row(labels.system(system), scores.systems[system], figures, notes)
        for system in [*known, *(system for system in scores.systems if system not in known)]
    ]
    for matchup in labels.matchups(scores.differences):
        name = f"{labels.system(matchup.x)} − {labels.system(matchup.y)}"
        rows.append(_row(name, scores.differences[matchup.key], figures, notes, difference=True))
    return Table(
        _caption(scores, family),
        (
            Column("results.column.system"),
            Column("results.column.n", number=True),
            *(_column(figure) for figure in figures),
        ),
        tuple(rows),
        notes=notes.texts,
    )


def _column(figure: str) -> Column:
    """With its text, or under its own name where the interface does not know it."""
    key = f"results.figure.{figure}"
    return Column(key, number=True) if key in ENGLISH else Column(name=figure, number=True)


def _row(
    name: str, values: Mapping[str, Json], figures: Sequence[str], notes: Notes, *, difference: bool = False
) -> tuple[str | Cell, ...]:
    sizes = [values[figure].get("n") or 0 for figure in figures if figure in values]
    most = max(sizes, default=0)
    cells = (_cell(figure, values.get(figure), most, notes, difference=difference) for figure in figures)
    return (name, f"{most:,}", *cells)


def _cell(figure: str, found: Json | None, n: int, notes: Notes, *, difference: bool) -> Cell:
    """The estimate over its interval; a dash with the note that says why there is none."""
    if found is None:
        return Cell("–")
    reason = found.get("reason")
    numbers = (notes.number(str(reason)),) if reason else ()
    if found["estimate"] is None:
        return Cell("–", notes=numbers)
    under = []
    if found.get("low") is not None and found.get("high") is not None:
        under.append(f"[{written(figure, found['low'])},\u00a0{written(figure, found['high'])}]")
    if found.get("p") is not None:
        under.append(f"p {p_value(found['p'])}")
    if found.get("n") not in (None, n):
        under.append(f"n {found['n']:,}")
    sign = "+" if difference and found["estimate"] > 0 else ""
    return Cell(sign + written(figure, found["estimate"]), under=tuple(under), notes=numbers)


def written(figure: str, value: float) -> str:
    """A figure's value with as many digits as say something."""
    text = f"{100 * value:.1f}%" if figure in PERCENT else f"{value:,.{DIGITS.get(figure, 4)}f}"
    return text.replace("-", "−")


def p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _caption(scores: Scores, family: Family) -> str:
    """What was scored, against what, by what, and how sure it is."""
    parts = [family.title]
    if family is not DESCRIPTION and scores.references is not None:
        parts[0] += f" against {scores.references}"
    if family.name == "bertscore" and scores.encoder:
        parts.append(f"encoder {scores.encoder}")
    parts += [
        f"{name}: {text}"
        for name, text in scores.signatures.items()
        if family_of(name) is family and text != scores.encoder
    ]
    methods = dict.fromkeys(
        figure["method"]
        for figures in scores.systems.values()
        for name, figure in figures.items()
        if family_of(name) is family and figure.get("method")
    )
    how = f" ({'; '.join(methods)})" if methods else ""
    return "; ".join([*parts, f"{100 * scores.confidence:.0f}% intervals{how}"])


def score_records(scores: Scores) -> list[Record]:
    """Every figure of every system and difference, a row each."""
    common = {
        "scoring": scores.name,
        "arm": scores.arm.value,
        "references": scores.references or "",
        "encoder": scores.encoder or "",
    }
    both = [*scores.systems.items(), *scores.differences.items()]
    return [
        common | {"figure": figure, "of": of} | dict(found) for of, figures in both for figure, found in figures.items()
    ]
