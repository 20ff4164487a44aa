"""What a reader of a Summary must know before she believes its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppai.ui.labels import counted, judges_of, source_label

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Caution:
    """Something that a reader must know before she believes a figure."""

    title: str
    text: str


def cautions(summary: Json) -> list[Caution]:
    """On what a Summary leaves out, and on its judges: names seen, one order, several makers, unscored verdicts."""
    found = _of_texts(summary)
    for source in judges_of(summary):
        rows = [figures[source] for figures in summary["criteria"].values() if source in figures]
        judge = source_label(source)
        named = max((row.get("n_named") or 0 for row in rows), default=0)
        if named:
            answered = max(row["n_verdicts"] for row in rows)
            found.append(
                Caution(
                    f"Judge {judge} was not blinded",
                    f"It saw the systems' names in {named:,} of {counted(answered, 'verdict')}. "
                    "What it knew of a system may have decided instead of the text.",
                )
            )
        if any(row.get("both_orders") is False for row in rows):
            found.append(
                Caution(
                    f"Judge {judge} read each pair in one order only",
                    "A liking for the response that stands first or second cannot be told from a liking for a system.",
                )
            )
        found += _mixed(judge, rows)
        unscored = max((row["n_unscored"] for row in rows), default=0)
        if unscored:
            found.append(
                Caution(
                    f"Judge {judge} left {counted(unscored, 'verdict')} unscored",
                    "They are counted here and are in no share: not as ties, and not as losses.",
                )
            )
    return found


def _of_texts(summary: Json) -> list[Caution]:
    """On verdicts and votes that are in no figure, since the study has changed."""
    found = []
    outdated, outside = summary.get("n_outdated") or 0, summary.get("n_outside") or 0
    if outdated:
        found.append(
            Caution(
                f"{counted(outdated, 'verdict')} on earlier texts left out",
                "Given before the post or a response changed: in no figure, until the judge is asked again.",
            )
        )
    if outside:
        found.append(
            Caution(
                f"{counted(outside, 'vote or verdict', 'votes or verdicts')} left out",
                "They are on prompts or systems that the study no longer has, and in no figure.",
            )
        )
    return found


def _mixed(judge: str, rows: Sequence[Json]) -> list[Caution]:
    """On a judge whose verdicts are of several models or prompt versions."""
    kinds = {"models": "models", "prompt_versions": "prompt versions"}
    told = []
    for name, words in kinds.items():
        makers = list(dict.fromkeys(maker for row in rows for maker in row.get(name) or ()))
        if len(makers) > 1:
            told.append(f"{len(makers)} {words}: {', '.join(makers)}")
    if not told:
        return []
    title = f"Judge {judge} mixes prompts or models"
    return [Caution(title, f"Its verdicts are of {' and of '.join(told)}. Its figures are of no one judge.")]
