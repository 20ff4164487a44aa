"""Stage two: the rules over posts and comments, and for each post that is left the texts of its best answer.

Ids, scores and times first; texts are read again only of the pairs that are left, so that memory does not grow with
the dump.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.curation import texts
from finetune.curation.engine import Engine, remove
from finetune.curation.funnel import Step, steps_of
from finetune.curation.recipe import Curation
from finetune.curation.rules import Rule, comment_rules, first_failed, pair_rules, post_rules, text_rules
from finetune.curation.sorting import sort_file
from finetune.curation.whole import is_whole

if TYPE_CHECKING:
    from ibis.expr.types import StringValue, Table

_LATE = 2**62
"""Stands for a time that is not known, which comes after every other."""

CHANGES = ("unescape", "cut_edits", "strip_links", "replace_personal", "fold_spaces")


@dataclass(frozen=True)
class Paired:
    """What the stage leaves behind."""

    comments: Table
    """Comments that may be answers: `comment_id`, `post_id`, `score`, `place` (0 for the best of its post) ..."""
    pairs: Path
    """A file of one row a post, in the order of `id`: ids, provenance, `title`, `body` and `answer`."""
    steps: tuple[Step, ...]


class Pairing:
    """The stage for one dump, one recipe and one engine; its tables are kept in `folder`."""

    def __init__(self, recipe: Curation, engine: Engine, folder: Path, note: Callable[[str], object]) -> None:
        self.recipe, self.engine, self.folder, self._note = recipe, engine, folder, note

    def run(self, posts: Table, comments: Table, comments_read: int) -> Paired:
        """From stage one's tables. Raises PPAIError where the engine fails."""
        kept, of_posts = self._posts(posts)
        ranked, of_comments = self._comments(kept, comments, comments_read)
        best, of_pairs = self._pairs(kept, ranked, of_comments[-1].after)
        of_texts = self._texts(best, posts, comments)
        for name in ("posts", "kept", "answering", "best", "texts"):
            remove(self._at(name))
        self.engine.release()
        return Paired(ranked, self.pairs, (*of_posts, *of_comments, *of_pairs, *of_texts))

    @property
    def pairs(self) -> Path:
        return self._at("pairs")

    @property
    def done(self) -> bool:
        """Whether an earlier run left all in `folder`."""
        return all(is_whole(self._at(name)) for name in ("comments", "pairs"))

    def read(self, steps: Sequence[Step]) -> Paired:
        """What an earlier run left in `folder`."""
        return Paired(self.engine.read([self._at("comments")]), self.pairs, tuple(steps))

    def _at(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def _keep(self, name: str, table: Table, *, texts: bool = False) -> Table:
        return self.engine.keep(table, self._at(name), texts=texts)

    def _posts(self, posts: Table) -> tuple[Table, list[Step]]:
        import ibis

        self._note("rules on posts")
        rules = post_rules(self.recipe)
        judged = self._keep(
            "posts",
            posts.select(
                "id", "subreddit", "author", "file", "line",
                flair=posts.link_flair_text,
                post_score=posts.score,
                post_created=posts.created_utc,
                failed=first_failed(posts, rules),
            ),
        )  # fmt: skip
        steps = steps_of(_rows(rules), "posts", _counts(judged))
        good = judged.filter(judged.failed == len(rules)).drop("failed")
        once = good.mutate(copy=ibis.row_number().over(group_by=good.id, order_by=[good.file, good.line]))
        kept = self._keep("kept", once.filter(once.copy == 0).drop("copy"))
        left = _count(kept)
        before = steps[-1].after if steps else _count(judged)
        steps.append(Step("post_once", "posts", "one line for each id", before, left))
        return kept, steps

    def _comments(self, kept: Table, comments: Table, read: int) -> tuple[Table, list[Step]]:
        import ibis

        self._note("rules on comments")
        rules = comment_rules(self.recipe)
        posts = kept.select(post_id=kept.id, parent="t3_" + kept.id, asker=kept.author)
        answering = comments.inner_join(posts, comments.parent_id == posts.parent)
        judged = self._keep(
            "answering",
            answering.select(
                "post_id",
                comment_id=answering.id,
                score=answering.score.fill_null(0),
                created=answering.created_utc.fill_null(_LATE),
                comment_file=answering.file,
                comment_line=answering.line,
                failed=first_failed(answering, rules),
            ),
        )
        counts = _counts(judged)
        steps = [Step("answers", "comments", "that answer a post that is left, itself", read, sum(counts.values()))]
        steps += steps_of(_rows(rules), "comments", counts)
        good = judged.filter(judged.failed == len(rules)).drop("failed")
        best_first = [good.score.desc(), good.created, good.comment_id, good.comment_file, good.comment_line]
        place = ibis.row_number().over(group_by=good.post_id, order_by=best_first)
        return self._keep("comments", good.mutate(place=place).filter(lambda table: table.place < self._places)), steps

    @property
    def _places(self) -> int:
        """Of a post's comments as many as may be wanted: the answer, its runners-up, and some for copies among them."""
        return 1 + (2 * self.recipe.runners_up if self.recipe.preference_share else 0)

    def _pairs(self, kept: Table, ranked: Table, eligible: int) -> tuple[Table, list[Step]]:
        self._note("the best answer of each post")
        rules = pair_rules(self.recipe)
        best = ranked.filter(ranked.place == 0).drop("place")
        joined = best.inner_join(kept, best.post_id == kept.id).drop("post_id")
        judged = self._keep("best", joined.mutate(failed=first_failed(joined, rules)))
        counts = _counts(judged)
        says = "the best-scored of each post, the earliest of equals: a pair"
        steps = [Step("best_score", "comments", says, eligible, sum(counts.values()))]
        return judged.filter(judged.failed == len(rules)).drop("failed"), steps + steps_of(
            _rows(rules), "pairs", counts
        )

    def _texts(self, best: Table, posts: Table, comments: Table) -> list[Step]:
        from pyarrow import dataset

        self._note("texts of the pairs that are left")
        of_posts = posts.select("file", "line", title=posts.title.fill_null(""), body=posts.selftext.fill_null(""))
        of_comments = comments.select(
            comment_file=comments.file, comment_line=comments.line, answer=comments.body.fill_null("")
        )
        raw = best.inner_join(of_posts, ["file", "line"]).inner_join(of_comments, ["comment_file", "comment_line"])
        cleaned = self.cleaned(raw, ("title", "body", "answer"), "answer")
        rules = text_rules(self.recipe)
        written = self._keep("texts", cleaned.mutate(failed=first_failed(cleaned, rules)), texts=True)
        self.engine.release()
        good = dataset.field("failed") == len(rules)
        sort_file(self._at("texts"), self.pairs, ("id",), good, ("failed", *CHANGES))
        counts = _counts(written)
        return [*self._changes(written, sum(counts.values())), *steps_of(_rows(rules), "pairs", counts)]

    def cleaned(self, table: Table, columns: Sequence[str], answer: str) -> Table:
        """The columns rewritten as the recipe wants it, and for each step a column that says whether it changed one."""
        for name, rewrite in self._rewriting():
            new = {column: rewrite(table[column], column == answer) for column in columns}
            table = table.mutate(**{f"new_{column}": text for column, text in new.items()})
            changed = _any([table[column] != table[f"new_{column}"] for column in columns])
            table = table.mutate(**{name: changed, **{column: table[f"new_{column}"] for column in columns}})
            table = table.drop(*(f"new_{column}" for column in columns))
        return table

    def _rewriting(self) -> list[tuple[str, Callable[[StringValue, bool], StringValue]]]:
        """(name, how a text is rewritten, given whether it is an answer), in the order in which it is done."""
        group = self.engine.first_group
        every: dict[str, Callable[[StringValue, bool], StringValue]] = {
            "unescape": lambda text, _: texts.without_escapes(text),
            "cut_edits": lambda text, _: texts.without_edits(text, group),
            "strip_links": lambda text, answer: texts.without_links(text, group) if answer else text,
            "replace_personal": lambda text, _: texts.without_personal(text, group),
            "fold_spaces": lambda text, _: texts.folded(text),
        }
        return [(name, every[name]) for name in CHANGES if getattr(self.recipe, name)]

    def _changes(self, written: Table, count: int) -> list[Step]:
        names = [name for name, _ in self._rewriting()]
        if not names:
            return []
        sums = written.aggregate(**{name: written[name].sum() for name in names}).to_pyarrow().to_pylist()[0]
        return [Step(name, "pairs", _SAYS[name], count, count, int(sums[name] or 0)) for name in names]


_SAYS = {
    "unescape": "signs written as HTML does are put back",
    "cut_edits": 'trailing "Edit:" and "TL;DR:" parts are cut',
    "strip_links": "links are taken out of answers",
    "replace_personal": "user names, addresses, telephone numbers and links are replaced",
    "fold_spaces": "white space is made one space",
}


def _rows(rules: Sequence[Rule]) -> list[tuple[str, str]]:
    return [(rule.name, rule.says) for rule in rules]


def _counts(judged: Table) -> dict[int, int]:
    """How many rows broke each rule first."""
    grouped = judged.group_by("failed").aggregate(rows=judged.count())
    return {int(row["failed"]): int(row["rows"]) for row in grouped.to_pyarrow().to_pylist()}


def _count(table: Table) -> int:
    return int(table.count().to_pyarrow().as_py())


def _any(conditions: Sequence[Any]) -> Any:
    found = conditions[0]
    for condition in conditions[1:]:
        found = found | condition
    return found
