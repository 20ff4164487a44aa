"""Stage three: which pairs stay, by their texts, and which of them belong together."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from finetune.curation import decisions
from finetune.curation.funnel import Step
from finetune.curation.recipe import Curation
from finetune.curation.reporting import Reporting
from finetune.curation.split import author_links, groups_of
from finetune.curation.tokens import Count
from finetune.curation.whole import write_file

if TYPE_CHECKING:
    import pyarrow as pa

    from finetune.curation.duplicates import Links


class Selection:
    """Of the pairs in a file. `alive` and `lengths` are by its rows, `ids` and `groups` by those that stay."""

    def __init__(self, pairs: Path, total: int, recipe: Curation, reporting: Reporting) -> None:
        self._pairs, self._total, self._recipe, self._reporting = pairs, total, recipe, reporting
        self.alive = np.ones(total, dtype=np.bool_)
        self.lengths: npt.NDArray[np.int32] | None = None
        """In tokens."""
        self.ids: pa.StringArray
        self.groups: npt.NDArray[np.intp] = np.arange(0)
        self.steps: list[Step] = []

    def run(self, count: Count | None, tests: Mapping[str, str]) -> None:
        """`count` is None where there is no token rule."""
        if count is not None:
            self._count_tokens(count)
        if tests and self._recipe.near_tests:
            self._keep_from_tests(tests)
        self._group()

    def _leave_out(self, name: str, keep: npt.NDArray[np.bool_], says: str) -> None:
        before = int(self.alive.sum())
        self.alive &= keep
        self.steps.append(Step(name, "pairs", says, before, int(self.alive.sum())))

    def _count_tokens(self, count: Count) -> None:
        """Of this run, or of an earlier one with the same tokenizer, kept beside the pairs."""
        recipe = self._recipe
        key = hashlib.sha256(repr((recipe.tokenizer, recipe.system)).encode()).hexdigest()[:16]
        kept = self._pairs.with_name(f"tokens-{key}.npy")
        lengths = self._counted(kept)
        if lengths is None:
            with self._reporting.bar("tokens", self._total, "pair") as bar:
                lengths = decisions.tokens(self._pairs, recipe.system, count, bar)
            content = io.BytesIO()
            np.save(content, lengths)
            write_file(kept, content.getvalue())
        self.lengths = lengths
        says = f"of fewer than {recipe.max_tokens} tokens in the chat template of {recipe.tokenizer}"
        self._leave_out("max_tokens", lengths < recipe.max_tokens, says)

    def _counted(self, kept: Path) -> npt.NDArray[np.int32] | None:
        """None where there are none, or they are damaged."""
        try:
            lengths = np.asarray(np.load(kept), dtype=np.int32)
        except (OSError, ValueError, EOFError):
            return None
        return lengths if len(lengths) == self._total else None

    def _keep_from_tests(self, tests: Mapping[str, str]) -> None:
        with self._reporting.bar("test prompts", self._total, "pair") as bar:
            shares = decisions.shares_with_tests(self._pairs, tests, bar)
        limit = self._recipe.near_tests
        says = f"whose post shares less than {limit:.0%} with each of {len(tests)} test prompts"
        self._leave_out("near_tests", shares < limit, says)

    def _group(self) -> None:
        left = decisions.columns(self._pairs, "id", "author").filter(self.alive)
        count = left.num_rows
        links = [np.empty((0, 2), dtype=np.int64)]
        if self._recipe.by_author:
            by_author = author_links(left["author"].combine_chunks())
            self._tell("by_author", "whose author has an earlier post stay with it", by_author, count)
            links.append(by_author)
        if least := self._recipe.near_duplicates:
            with self._reporting.bar("near-duplicates", self._total, "pair") as bar:
                alike = decisions.duplicate_links(self._pairs, self.alive, least, bar)
            self._tell("near_duplicates", "whose post repeats an earlier one stay with it", alike, count)
            links.append(alike)
        self.ids = left["id"].combine_chunks()
        self.groups = groups_of(count, np.concatenate(links))

    def _tell(self, name: str, says: str, links: Links, count: int) -> None:
        """Nothing is left out; `changed` is how many rows hang at an earlier one."""
        linked = int((groups_of(count, links) != np.arange(count)).sum())
        self.steps.append(Step(name, "pairs", says, count, count, linked))
