"""Scores the responses of a study, or any two lists of texts: figures, intervals, and tests between systems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from eval.metrics.bertscore import Encoder, bertscore
from eval.metrics.bleu import bleu
from eval.metrics.describe import describe
from eval.metrics.measure import Ints, Measure, References
from eval.metrics.resampling import Difference, Resampling, differences, intervals
from eval.metrics.rouge import rouge
from eval.metrics.spread import differences_with_spread, with_spread
from eval.statistics.interval import Interval
from eval.statistics.study_index import StudyIndex
from ppai.plain import flatten
from ppai.schema import Arm, Scores, Study
from ppai.scored import references_digest, scored_texts

Note = Callable[[str], None]
NAMED = 6
"""Hex digits of the references' digest in a scoring's name."""


@dataclass(frozen=True)
class Answered:
    """The texts of one system, with the places of their prompts in the study."""

    system: str
    places: Ints
    texts: tuple[str, ...]

    def among(self, places: Ints) -> Answered:
        """Those of the prompts at `places`."""
        kept = np.isin(self.places, places)
        texts = tuple(text for text, keep in zip(self.texts, kept.tolist(), strict=True) if keep)
        return Answered(self.system, self.places[kept], texts)


def reference_measures(
    texts: Sequence[str], references: References, encoder: Encoder | None = None
) -> dict[str, Measure]:
    """BLEU, ROUGE and, with an encoder, BERTScore of any texts against one or more references each, by metric.

    `intervals` and `differences` of `eval.metrics.resampling` take what this returns.
    """
    measures = {"bleu": bleu(texts, references), "rouge": rouge(texts, references)}
    return measures if encoder is None else measures | {"bertscore": bertscore(texts, references, encoder)}


def description(study: Study, *, arm: Arm = Arm.AS_IS, how: Resampling | None = None) -> Scores:
    """What each system's responses are like, in the arm; the Scores have no `references`."""
    answered = _answered(study, arm)
    measures = {one.system: {"description": describe(one.texts)} for one in answered}
    return _scores(study, answered, measures, how or Resampling(), name=f"description {arm.value}", arm=arm)


def against_references(
    study: Study,
    answers: Mapping[str, Sequence[str]],
    file: str,
    *,
    encoder: Encoder | None = None,
    arm: Arm = Arm.AS_IS,
    how: Resampling | None = None,
    note: Note = lambda _: None,
) -> Scores:
    """BLEU, ROUGE and BERTScore of each system's responses to the prompts that have an answer.

    `answers` by prompt id, one or more each; `file` is the name of where they come from. In the plain arm the
    responses are flattened, and the answers are what they are in the other arm. `note` is told of each step.
    The scoring's name has a part of the answers' digest: other answers in a file of the same name are kept apart.
    """
    ids = [prompt.id for prompt in study.prompts]
    places = np.array([place for place, prompt in enumerate(ids) if prompt in answers], dtype=np.int64)
    answered = [one.among(places) for one in _answered(study, arm)]
    measures: dict[str, dict[str, Measure]] = {}
    notes: list[str] = []
    for number, one in enumerate(answered, start=1):
        note(
            f"{one.system} ({number} of {len(answered)}): {len(one.texts)} response{'' if len(one.texts) == 1 else 's'}"
        )
        references = [answers[ids[place]] for place in one.places.tolist()]
        measures[one.system] = reference_measures(one.texts, references, encoder)
        said = [f"{one.system}: {text}" for measure in measures[one.system].values() for text in measure.notes]
        notes += said
        for text in said:
            note(text)
    label, digest = "no BERTScore" if encoder is None else encoder.name, references_digest(answers)
    name = f"{file[:110]} {digest[:NAMED]} {arm.value} {label}"
    scores = _scores(study, answered, measures, how or Resampling(), name=name, arm=arm)
    return scores.model_copy(
        update={
            "references": file,
            "references_digest": digest,
            "encoder": None if encoder is None else encoder.name,
            "notes": tuple(notes),
        }
    )


def _answered(study: Study, arm: Arm) -> list[Answered]:
    row = {prompt.id: place for place, prompt in enumerate(study.prompts)}
    found: dict[str, dict[int, str]] = {system: {} for system in study.config.system_ids}
    for response in study.responses:
        text = flatten(response.text) if arm is Arm.PLAIN else response.text
        found[response.system][row[response.prompt_id]] = text
    return [
        Answered(system, np.array(sorted(texts), dtype=np.int64), tuple(texts[place] for place in sorted(texts)))
        for system, texts in found.items()
    ]


def _scores(
    study: Study,
    answered: Sequence[Answered],
    measures: Mapping[str, Mapping[str, Measure]],
    how: Resampling,
    *,
    name: str,
    arm: Arm,
) -> Scores:
    by_system = {one.system: one for one in answered}
    return Scores(
        name=name,
        arm=arm,
        texts=scored_texts(study, arm),
        signatures=_signatures(measures.values()),
        confidence=how.confidence,
        systems={system: _figures(found.values(), how) for system, found in measures.items()},
        differences={
            f"{x}>{y}": _gaps(by_system[x], by_system[y], measures[x], measures[y], how) for x, y in _compared(study)
        },
        responses=tuple(row for one in answered for row in _rows(study, one, measures[one.system].values())),
        created_at=datetime.now(UTC),
    )


def _figures(measures: Iterable[Measure], how: Resampling) -> dict[str, dict[str, Any]]:
    found: dict[str, Interval] = {}
    for measure in measures:
        found |= with_spread(measure, intervals(measure, how), how.confidence)
    return {name: interval.as_json() for name, interval in found.items()}


def _gaps(
    x: Answered, y: Answered, of_x: Mapping[str, Measure], of_y: Mapping[str, Measure], how: Resampling
) -> dict[str, dict[str, Any]]:
    """Differences over the prompts that both systems answered."""
    _, in_x, in_y = np.intersect1d(x.places, y.places, return_indices=True)
    found: dict[str, Difference] = {}
    for metric in of_x:
        both = of_x[metric].take(in_x), of_y[metric].take(in_y)
        found |= differences_with_spread(*both, differences(*both, how), how.confidence)
    return {name: gap.as_json() for name, gap in found.items()}


def _compared(study: Study) -> list[tuple[str, str]]:
    """The matchups of the study as (x, y), oriented as its win rates are."""
    index = StudyIndex.of(study)
    x, y = index.x_y(index.matchups)
    return [(index.systems[a], index.systems[b]) for a, b in zip(x.tolist(), y.tolist(), strict=True)]


def _signatures(measures: Iterable[Mapping[str, Measure]]) -> dict[str, str]:
    return {metric: measure.signature for found in measures for metric, measure in found.items()}


def _rows(study: Study, one: Answered, measures: Iterable[Measure]) -> list[dict[str, Any]]:
    """A row a response; a figure that it does not have is left out."""
    rows: list[dict[str, Any]] = [
        {"prompt_id": study.prompts[place].id, "system": one.system} for place in one.places.tolist()
    ]
    for measure in measures:
        for row, values in zip(rows, measure.of_each.tolist(), strict=True):
            row |= {name: value for name, value in zip(measure.names, values, strict=True) if value == value}
    return rows
