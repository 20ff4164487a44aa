"""Stage four: writes each pair to its splits as chat messages with ids and provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from finetune.curation import decisions
from finetune.curation.conversation import answer_message, prompt_messages
from finetune.curation.histograms import Histograms
from finetune.curation.output import Splits, pair_schema, preference_schema
from finetune.curation.recipe import Curation
from finetune.curation.reporting import Reporting
from finetune.curation.runners_up import RunnerUp, preference_rows
from finetune.curation.selection import Selection
from finetune.curation.split import PREFERENCE, QUICK, TRAIN, VALIDATION, Division
from finetune.curation.tokens import Count

PREFERENCE_PAIRS = "preference_pairs"

Others = Mapping[str, Sequence[RunnerUp]]
"""By post, for those set aside."""


class Writing:
    """The files of one run. `others` is None where there are no runners-up to look for."""

    def __init__(self, recipe: Curation, count: Count | None, division: Division, others: Others | None) -> None:
        self._recipe, self._count, self._others = recipe, count, others
        rows = {
            TRAIN: division.train,
            VALIDATION: division.validation,
            QUICK: division.quick,
            PREFERENCE: division.preference,
        }
        if not recipe.preference_share:
            del rows[PREFERENCE]
        self._members = {name: set(numbers.tolist()) for name, numbers in rows.items()}

    def run(
        self, pairs: Path, selection: Selection, out: Path, reporting: Reporting
    ) -> tuple[dict[str, int], Histograms]:
        """How many rows each file has, and the figures of all pairs."""
        schemas = {name: pair_schema(self._with_others(name)) for name in self._members}
        if self._others is not None:
            schemas[PREFERENCE_PAIRS] = preference_schema()
        lengths = selection.lengths
        histograms = Histograms(tokens=lengths is not None)
        at = number = 0
        with reporting.bar("writing", len(selection.alive), "pair") as bar, Splits(out, schemas) as splits:
            for batch in decisions.batches(pairs):
                for row in batch:
                    if selection.alive[at]:
                        row["tokens"] = None if lengths is None else int(lengths[at])
                        row["group"] = selection.ids[selection.groups[number]]
                        self._add(splits, row, number)
                        histograms.add(row)
                        number += 1
                    at += 1
                bar(len(batch))
            sizes = splits.sizes
        return sizes, histograms

    def _with_others(self, name: str) -> bool:
        return name == PREFERENCE and self._others is not None

    def _add(self, splits: Splits, row: Mapping[str, Any], number: int) -> None:
        for name, members in self._members.items():
            if number not in members:
                continue
            written = self._written(row)
            if self._others is not None and name == PREFERENCE:
                others = self._others.get(row["id"], [])
                written["runners_up"] = [asdict(one) for one in others]
                for preferred in preference_rows(row, others, self._recipe, self._count):
                    splits.add(PREFERENCE_PAIRS, preferred)
            splits.add(name, written)

    def _written(self, row: Mapping[str, Any]) -> dict[str, Any]:
        prompt = prompt_messages(self._recipe.system, row["title"], row["body"])
        return {
            "id": row["id"],
            "comment_id": row["comment_id"],
            "subreddit": row["subreddit"],
            "flair": row["flair"],
            "score": row["score"],
            "post_score": row["post_score"],
            "created_utc": row["post_created"],
            "tokens": row["tokens"],
            "group": row["group"],
            "source": f"{row['source']}:{row['line']}",
            "comment_source": f"{row['comment_source']}:{row['comment_line']}",
            "messages": [*prompt, answer_message(row["answer"])],
        }
