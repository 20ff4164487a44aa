"""The scores of automatic metrics: a table for each family of figures, never two encoders in one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppai.schema import Scores
from ppai.scored import DESCRIPTION_FIGURES
from ppai.ui.filters import Filters
from ppai.ui.labels import Labels
from ppai.ui.markup import ENGLISH
from ppai.ui.records import Record, csv_text
from ppai.ui.sections import Section
from ppai.ui.table import Cell, Column, Notes, Table

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Family:
    """Figures of one metric, in the order of their rows."""

    name: str
    """Also of the metric in a scoring's signatures, and what its figures begin with."""
    title: str
    figures: tuple[str, ...]


DESCRIPTION = Family(
    "description",
    "Description of the responses",
    DESCRIPTION_FIGURES,
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
ENDS = ("low", "high")
STALE = (
    "These figures are of earlier texts: the study's responses have changed since they were scored. "
    "Score them again with ppai score."
)
SCORE_COLUMNS = ("scoring", "arm", "references", "encoder", "figure", "of", "estimate", "low", "high", "n", "p")


def metric_section(scorings: Sequence[Scores], labels: Labels, filters: Filters, texts: str) -> Section | None:
    """None where nothing of the arm was scored; `texts` is the digest of the study's present responses in the arm."""
    of_arm = [one for one in scorings if one.arm.value == filters.arm]
    tables = tuple(metric_table(scores, family, labels, texts) for scores, family in _shown(of_arm, texts))
    if not tables:
        return None
    compared = any(scores.references is not None for scores in of_arm)
    references = "References are human answers: likeness to them is not the same as being helpful. " if compared else ""
    return Section(
        "metrics",
        None,
        f"{references}n is the number of prompts. The interval stands under each score; a column of two systems holds "
        "their difference, its interval and the p of a paired test.",
        tables,
        csv_text([record for scores in of_arm for record in score_records(scores)], SCORE_COLUMNS),
        open=True,
        fixed="all topics",
    )


def family_of(figure: str) -> Family:
    return next(
        (family for family in FAMILIES if figure in family.figures or figure.startswith(family.name)), DESCRIPTION
    )


def _shown(scorings: Sequence[Scores], texts: str) -> Iterator[tuple[Scores, Family]]:
    """Family by family, each scoring that has figures of it; what scorings by several encoders share is shown once."""
    shown: list[object] = []
    for family in FAMILIES:
        for scores in scorings:
            figures = figures_of(scores, family)
            if not figures:
                continue
            of = None if family is DESCRIPTION else scores.references
            parts = (scores.systems, scores.differences)
            values = [{key: {name: row.get(name) for name in figures} for key, row in part.items()} for part in parts]
            same = (family, of, values, _stale(scores, texts))
            if same in shown:
                continue
            shown.append(same)
            yield scores, family


def figures_of(scores: Scores, family: Family) -> list[str]:
    """Those of a family that any system has: the known ones in their order, then others by name."""
    found = {name for figures in scores.systems.values() for name in figures if family_of(name) is family}
    return [*(name for name in family.figures if name in found), *sorted(found.difference(family.figures))]


def metric_table(scores: Scores, family: Family, labels: Labels, texts: str) -> Table:
    """A row a figure; a column a system, then a column a difference between two."""
    figures, notes = figures_of(scores, family), Notes()
    known = [system for system in labels.systems if system in scores.systems]
    columns = [
        (labels.system(system), scores.systems[system], False)
        for system in [*known, *(system for system in scores.systems if system not in known)]
    ]
    columns += [
        (f"{labels.system(matchup.x)} − {labels.system(matchup.y)}", scores.differences[matchup.key], True)
        for matchup in labels.matchups(scores.differences)
    ]
    sizes = [_size(values, figures) for _, values, _ in columns]
    rows: list[tuple[str | Cell, ...]] = [(Cell(key="results.column.n"), *(f"{n:,}" for n in sizes))]
    for figure in figures:
        cells = (
            _cell(figure, values.get(figure), n, notes, difference=difference)
            for (_, values, difference), n in zip(columns, sizes, strict=True)
        )
        rows.append((_heading(figure), *cells))
    return Table(
        _caption(scores, family),
        (Column("results.column.figure"), *(Column(name=name, number=True) for name, _, _ in columns)),
        tuple(rows),
        notes=notes.texts,
        warning=STALE if _stale(scores, texts) else "",
        remarks=tuple(note for note in scores.notes if _concerns(note, family)),
        how=_how(scores, family),
    )


def _stale(scores: Scores, texts: str) -> bool:
    return scores.texts is not None and scores.texts != texts


def _concerns(note: str, family: Family) -> bool:
    """A note that names a metric stands with that metric's figures alone."""
    named = [one for one in FAMILIES if one is not DESCRIPTION and one.title in note]
    return not named or family in named


def _heading(figure: str) -> Cell:
    """Its text, or its own name where the interface does not know it."""
    key = f"results.figure.{figure}"
    return Cell(key=key) if key in ENGLISH else Cell(figure)


def _size(values: Mapping[str, Json], figures: Sequence[str]) -> int:
    """The n that most figures of a column have: the largest."""
    return max((values[figure].get("n") or 0 for figure in figures if figure in values), default=0)


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
        low, high = (_number(figure, found[end]) if difference else written(figure, found[end]) for end in ENDS)
        under.append(f"[{low},\u00a0{high}]")
    if found.get("p") is not None:
        under.append(f"p {p_value(found['p'])}")
    if found.get("n") not in (None, n):
        under.append(f"n {found['n']:,}")
    text = difference_of(figure, found["estimate"]) if difference else written(figure, found["estimate"])
    return Cell(text, under=tuple(under), notes=numbers)


def written(figure: str, value: float) -> str:
    """A figure's value with as many digits as say something."""
    return _number(figure, value) + ("%" if figure in PERCENT else "")


def difference_of(figure: str, value: float) -> str:
    """With its sign; of two shares in percentage points."""
    return ("+" if value > 0 else "") + _number(figure, value) + ("\u00a0points" if figure in PERCENT else "")


def _number(figure: str, value: float) -> str:
    text = f"{100 * value:.1f}" if figure in PERCENT else f"{value:,.{DIGITS.get(figure, 4)}f}"
    return text.replace("-", "−")


def p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _caption(scores: Scores, family: Family) -> str:
    """What was scored, against what, and how sure it is."""
    title = family.title
    if family is not DESCRIPTION and scores.references is not None:
        title += f" against {scores.references}"
    if family.name == "bertscore" and scores.encoder:
        title += f" by encoder {scores.encoder}"
    return f"{title}, with {100 * scores.confidence:.0f}% intervals"


def _how(scores: Scores, family: Family) -> tuple[str, ...]:
    """By what the figures were made, and by what their intervals."""
    signatures = [f"{name}: {text}" for name, text in scores.signatures.items() if family_of(name) is family]
    methods = dict.fromkeys(
        figure["method"]
        for figures in (*scores.systems.values(), *scores.differences.values())
        for name, figure in figures.items()
        if family_of(name) is family and figure.get("method")
    )
    return (*signatures, *(f"intervals: {method}" for method in methods))


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
