"""Decides which replies become posts: pure, and in the order of ids, so that no race between requests can matter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from eval.asking.texts import Texts
from eval.client.reply import Reply
from eval.prompt_writing.checking import Post, age_fault, faults
from eval.prompt_writing.plan import Item
from eval.prompt_writing.reading import read_post
from ppai.overlap import LIMIT, Runs, nearest, runs_of, share


@dataclass
class Selection:
    """The posts that were taken so far, and what was wrong with the last reply for each of the others."""

    posts: dict[int, Post] = field(default_factory=dict)
    complaints: dict[int, str] = field(default_factory=dict)
    refused: int = 0
    """Replies that were not taken."""
    _runs: dict[int, Runs] = field(default_factory=dict)

    @property
    def taken(self) -> Mapping[int, Post]:
        return self.posts

    def decide(self, items: Iterable[Item], replies: Mapping[int, Reply], against: Texts = ()) -> None:
        """Takes or refuses one reply an item. Near-duplicates: an earlier round comes first, then the lower id."""
        read = {item.id: _read(item, replies[item.id]) for item in items}
        good = {key: post for key, post in read.items() if isinstance(post, Post)}
        runs = {key: runs_of(post.text) for key, post in good.items()}
        elsewhere = nearest(runs, against) if good else {}
        for key, post in sorted(read.items()):
            complaint = post if isinstance(post, str) else None
            if complaint is None and key in elsewhere and elsewhere[key].share >= LIMIT:
                complaint = f"the post repeats a text that exists already ({elsewhere[key].share:.0%} of it)"
            if complaint is None:
                complaint = self._repeated(good[key], runs[key])
            if complaint is None:
                self.posts[key], self._runs[key] = good[key], runs[key]
                self.complaints.pop(key, None)
            else:
                self.complaints[key] = complaint
                self.refused += 1

    def _repeated(self, post: Post, runs: Runs) -> str | None:
        for key, other in self.posts.items():
            if other.title.casefold() == post.title.casefold():
                return f'the post has the title of another, "{other.title[:100]}"'
            if (common := share(runs, self._runs[key])) >= LIMIT:
                return f'the post repeats another, "{other.title[:100]}" ({common:.0%} of it)'
        return None


def repetitions(texts: Mapping[str, str]) -> Iterator[tuple[str, str, float]]:
    """(id, earlier id, share) for each text of a set that repeats an earlier one, its nearest."""
    runs: dict[str, Runs] = {}
    for key, text in texts.items():
        own = runs_of(text)
        best = max(((share(own, other), earlier) for earlier, other in runs.items()), default=(0.0, ""))
        if best[0] >= LIMIT:
            yield key, best[1], best[0]
        runs[key] = own


def _read(item: Item, reply: Reply) -> Post | str:
    post = read_post(reply)
    if isinstance(post, str):
        return f"the reply {post}"
    wrong = faults(post)
    if not wrong and (age := age_fault(post, item.age)):
        wrong = [age]
    return f"the post {' and '.join(wrong)}" if wrong else post
