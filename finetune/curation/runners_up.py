"""The runner-up comments of the posts that are set aside, and the preference pairs that their scores make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.curation.conversation import answer_message, prompt_messages
from finetune.curation.decisions import batches
from finetune.curation.pairing import Paired, Pairing
from finetune.curation.recipe import Curation
from finetune.curation.tokens import Count
from ppai.studyfiles.whole_files import write_whole

if TYPE_CHECKING:
    from ibis.expr.types import Table


@dataclass(frozen=True)
class RunnerUp:
    """A comment beside a post's answer, its text rewritten like an answer's."""

    comment_id: str
    score: int
    text: str


def runners_up(
    pairing: Pairing, paired: Paired, comments: Table, posts: Sequence[str], pairs: Path
) -> dict[str, list[RunnerUp]]:
    """For each of these posts by id its best-scored comments after the answer, as many as the recipe wants.

    One too short for an answer is none. `comments` are stage
    one's, `pairs` the file of `paired.pairs`. Raises PPAIError where the engine fails.
    """
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table({"wanted": pa.array(posts, pa.string())}), sink)
    (chosen,) = write_whole(pairing.folder, {"preference.parquet": sink.getvalue().to_pybytes()})
    wanted = pairing.engine.read([chosen])
    places = paired.comments.filter(paired.comments.place > 0)
    of_comments = comments.select(
        comment_source=comments.source, comment_line=comments.line, answer=comments.body.fill_null("")
    )
    raw = places.inner_join(wanted, places.post_id == wanted.wanted).inner_join(
        of_comments, ["comment_source", "comment_line"]
    )
    cleaned = pairing.cleaned(raw, ("answer",), "answer").filter(
        lambda table: table.answer.length() >= pairing.recipe.min_characters
    )
    kept = cleaned.select("post_id", "comment_id", "score", "place", "answer").order_by(["post_id", "place"])
    target = pairing.folder / "runners_up.parquet"
    pairing.engine.keep(kept, target)
    answers = {row["id"]: row for batch in batches(pairs, ("id", "comment_id")) for row in batch}
    return _several(target, answers, pairing.recipe.runners_up)


def _several(path: Path, answers: Mapping[str, dict[str, Any]], most: int) -> dict[str, list[RunnerUp]]:
    found: dict[str, list[RunnerUp]] = {}
    for batch in batches(path):
        for row in batch:
            others = found.setdefault(row["post_id"], [])
            known = {answers[row["post_id"]]["comment_id"], *(one.comment_id for one in others)}
            if row["comment_id"] not in known and len(others) < most:
                others.append(RunnerUp(row["comment_id"], int(row["score"]), row["answer"]))
    return found


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
