"""Stage four: writes each pair to its splits as chat messages with ids and provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from finetune.curation import decisions
from finetune.curation.conversation import answer_message, prompt_messages
from finetune.curation.histograms import Histograms
from finetune.curation.output import PREFERENCE_PAIRS, Output, pair_schema, preference_schema
from finetune.curation.recipe import Curation
from finetune.curation.reporting import Reporting
from finetune.curation.runners_up import RunnersUp, preference_rows
from finetune.curation.selection import Selection
from finetune.curation.split import PREFERENCE, QUICK, TRAIN, VALIDATION, Division
from finetune.curation.tokens import Count

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Names:
    """What a run's files are called, by their numbers."""

    posts: Sequence[str]
    comments: Sequence[str]


class Writing:
    """The rows of one run. `others` is None where there are no runners-up to look for."""

    def __init__(
        self, recipe: Curation, count: Count | None, division: Division, others: RunnersUp | None, names: Names
    ) -> None:
        self._recipe, self._count, self._others, self._names = recipe, count, others, names
        rows = {
            TRAIN: division.train,
            VALIDATION: division.validation,
            QUICK: division.quick,
            PREFERENCE: division.preference,
        }
        if not recipe.preference_share:
            del rows[PREFERENCE]
        total = sum(len(rows.get(name, ())) for name in (TRAIN, VALIDATION, PREFERENCE))
        self._members = {name: np.zeros(total, dtype=np.bool_) for name in rows}
        for name, numbers in rows.items():
            self._members[name][numbers] = True

    @property
    def schemas(self) -> dict[str, pa.Schema]:
        """Of each split."""
        schemas = {name: pair_schema(self._with_others(name)) for name in self._members}
        return schemas if self._others is None else {**schemas, PREFERENCE_PAIRS: preference_schema()}

    def run(self, pairs: Path, selection: Selection, output: Output, reporting: Reporting) -> Histograms:
        """The figures of all pairs."""
        lengths = selection.lengths
        histograms = Histograms(tokens=lengths is not None)
        at = number = 0
        with reporting.bar("writing", len(selection.alive), "pair") as bar:
            for batch in decisions.batches(pairs):
                written = []
                for row in batch:
                    if selection.alive[at]:
                        row["tokens"] = None if lengths is None else int(lengths[at])
                        row["group"] = selection.ids[int(selection.groups[number])].as_py()
                        self._add(output, row, number)
                        written.append(row)
                        number += 1
                    at += 1
                histograms.add(written)
                bar(len(batch))
        return histograms

    def _with_others(self, name: str) -> bool:
        return name == PREFERENCE and self._others is not None

    def _add(self, output: Output, row: Mapping[str, Any], number: int) -> None:
        for name, members in self._members.items():
            if not members[number]:
                continue
            written = self._written(row)
            if self._others is not None and name == PREFERENCE:
                others = self._others.of(row)
                written["runners_up"] = [asdict(one) for one in others]
                for preferred in preference_rows(row, others, self._recipe, self._count):
                    output.add(PREFERENCE_PAIRS, preferred)
            output.add(name, written)

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
            "source": f"{self._names.posts[row['file']]}:{row['line']}",
            "comment_source": f"{self._names.comments[row['comment_file']]}:{row['comment_line']}",
            "messages": [*prompt, answer_message(row["answer"])],
        }
