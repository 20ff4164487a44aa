"""The runner-up comments of the posts that are set aside, and the preference pairs that their scores make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.curation.conversation import answer_message, prompt_messages
from finetune.curation.decisions import Row, batches
from finetune.curation.engine import remove
from finetune.curation.pairing import Paired, Pairing
from finetune.curation.recipe import Curation
from finetune.curation.rules import answer_rules
from finetune.curation.sorting import sort_file
from finetune.curation.tokens import Count
from finetune.curation.whole import write_file

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis.expr.types import Table


@dataclass(frozen=True)
class RunnerUp:
    """A comment beside a post's answer, its text rewritten like an answer's."""

    comment_id: str
    score: int
    text: str


class RunnersUp:
    """Those in a file, which has them by post in the order in which posts are asked for: only one's are in memory."""

    def __init__(self, path: Path, most: int) -> None:
        rows = (row for batch in batches(path) for row in batch)
        self._posts = groupby(rows, itemgetter("post_id"))
        self._most = most
        self._next = next(self._posts, None)
        self.count = 0
        """How many were given."""

    def of(self, row: Mapping[str, Any]) -> list[RunnerUp]:
        """The best of a pair's post, none twice and none its answer."""
        if self._next is None or self._next[0] != row["id"]:
            return []
        others = self._several(self._next[1], row["comment_id"])
        self._next = next(self._posts, None)
        self.count += len(others)
        return others

    def _several(self, rows: Iterator[Row], answer: str) -> list[RunnerUp]:
        others: dict[str, RunnerUp] = {}
        for row in rows:
            key = row["comment_id"]
            if key != answer and key not in others and len(others) < self._most:
                others[key] = RunnerUp(key, int(row["score"]), row["answer"])
        return list(others.values())


def runners_up(pairing: Pairing, paired: Paired, comments: Table, posts: pa.Array) -> RunnersUp:
    """For each of these posts by id its best-scored comments after the answer, as many as the recipe wants.

    One that is no answer, by its cleaned text, is none. `comments` are stage one's. Raises PPAIError where the engine
    fails.
    """
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table({"wanted": posts}), sink)
    chosen = pairing.folder / "preference.parquet"
    write_file(chosen, sink.getvalue().to_pybytes())
    wanted = pairing.engine.read([chosen])
    places = paired.comments.filter(paired.comments.place > 0)
    of_comments = comments.select(
        comment_file=comments.file, comment_line=comments.line, answer=comments.body.fill_null("")
    )
    raw = places.inner_join(wanted, places.post_id == wanted.wanted).inner_join(
        of_comments, ["comment_file", "comment_line"]
    )
    cleaned = pairing.cleaned(raw, ("answer",), "answer")
    good = cleaned.filter([rule.keep(cleaned) for rule in answer_rules(pairing.recipe)])
    kept = good.select("post_id", "comment_id", "score", "place", "answer")
    target = pairing.folder / "runners_up.parquet"
    unsorted = pairing.folder / "unsorted.parquet"
    pairing.engine.keep(kept, unsorted, texts=True)
    sort_file(unsorted, target, ("post_id", "place"))
    remove(unsorted)
    pairing.engine.release()
    return RunnersUp(target, pairing.recipe.runners_up)


def preference_rows(
    row: Mapping[str, Any], others: Sequence[RunnerUp], recipe: Curation, count: Count | None
) -> Iterator[dict[str, Any]]:
    """TRL's preference rows of one post: `prompt`, `chosen`, `rejected`, each a list of messages, and provenance.

    The post's answer is preferred to every runner-up whose score is lower by the margin at least. A runner-up that
    would make the conversation too long is left out.
    """
    prompt = prompt_messages(recipe.system, row["title"], row["body"])
    worse = [one for one in others if one.score <= row["score"] - recipe.preference_margin]
    worse = [one for one in worse if one.text != row["answer"]]
    lengths = count([[*prompt, answer_message(one.text)] for one in worse]) if count and worse else [0] * len(worse)
    for other, length in zip(worse, lengths, strict=True):
        if length < recipe.max_tokens:
            yield {
                "id": row["id"],
                "chosen_id": row["comment_id"],
                "rejected_id": other.comment_id,
                "chosen_score": row["score"],
                "rejected_score": other.score,
                "prompt": prompt,
                "chosen": [answer_message(row["answer"])],
                "rejected": [answer_message(other.text)],
            }
