"""Decides which outputs become pairs: pure, and in the order of ids, so that no race between requests can matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from eval.asking.texts import Texts
from eval.client.reply import Reply
from eval.synthesis.checking import Fault, faults
from eval.synthesis.pair import Pair, read_pair
from eval.synthesis.plan import POST, RESPONSE, Item, Limits
from eval.synthesis.repeating import Seen
from ppai.overlap import LIMIT, nearest, runs_of, words_of


@dataclass(frozen=True)
class Bounds:
    """What pairs are held to."""

    post: Limits = POST
    response: Limits = RESPONSE
    openings: int = 4
    """Responses that may begin with the same three words."""
    topic_openings: int = 1
    """Responses of one topic that may begin with the same two words."""


class Selection:
    """The pairs that were taken so far, what was wrong with the last output for each other, and why outputs were
    rejected."""

    def __init__(self, bounds: Bounds, moderated: Callable[[Pair], str | None] = lambda pair: None) -> None:
        """`moderated` says what a moderation endpoint found in a pair, if anything."""
        self.pairs: dict[int, Pair] = {}
        self.complaints: dict[int, str] = {}
        self.refused = 0
        self.rejected: Counter[str] = Counter()
        """Outputs by what was wrong with them first."""
        self._bounds, self._moderated = bounds, moderated
        self._titles: set[str] = set()
        self._posts, self._responses = Seen(), Seen()
        self._openings: Counter[tuple[str, ...]] = Counter()

    @property
    def taken(self) -> Mapping[int, Pair]:
        return self.pairs

    def read(self, reply: Reply) -> Pair | list[Fault]:
        """The pair in a model's output, or all that is wrong with it by itself."""
        pair = read_pair(reply)
        if isinstance(pair, str):
            return [Fault(f"unreadable: {pair}", f"the output {pair}")]
        return faults(pair, self._bounds.post, self._bounds.response) or pair

    def decide(self, items: Iterable[Item], replies: Mapping[int, Reply], against: Texts = ()) -> None:
        """Takes or rejects one output an item. Near-duplicates: an earlier round comes first, then the lower id."""
        wanted = sorted(items, key=lambda item: item.id)
        read = {item.id: self.read(replies[item.id]) for item in wanted}
        sound = {key: one for key, one in read.items() if isinstance(one, Pair)}
        elsewhere = _elsewhere(sound, against) if sound else {}
        for item in wanted:
            one = read[item.id]
            found = self._beside_others(item, one, elsewhere.get(item.id)) if isinstance(one, Pair) else one
            if found:
                self.complaints[item.id] = "; ".join(fault.says for fault in found[:4])
                self.rejected[found[0].kind] += 1
                self.refused += 1
            else:
                self._take(item, sound[item.id])

    def _beside_others(self, item: Item, pair: Pair, elsewhere: float | None) -> list[Fault]:
        if flagged := self._moderated(pair):
            return [Fault(f"moderation: {flagged}", f"the server's moderation flags it: {flagged}")]
        if elsewhere is not None:
            return [Fault("near-duplicate", f"it repeats a text that exists already ({elsewhere:.0%} of it)")]
        return self._repetition(pair) or self._opening(item, pair)

    def _repetition(self, pair: Pair) -> list[Fault]:
        if pair.title.casefold() in self._titles:
            return [Fault("near-duplicate", f'the post has the title of another, "{pair.title[:100]}"')]
        for what, seen, text in (("post", self._posts, pair.post), ("response", self._responses, pair.response)):
            if found := seen.repeated(runs_of(text)):
                title = self.pairs[found[0]].title[:100]
                return [Fault("near-duplicate", f'the {what} repeats that of "{title}" ({found[1]:.0%} of it)')]
        return []

    def _opening(self, item: Item, pair: Pair) -> list[Fault]:
        bounds = self._bounds
        for key, most, where in _openings(item, pair, bounds):
            if self._openings[key] >= most:
                said = f'{most} {where} already begin with "{" ".join(key[1:])}"'
                return [Fault("opening used too often", f"the response begins as others do: {said}")]
        return []

    def _take(self, item: Item, pair: Pair) -> None:
        self.pairs[item.id] = pair
        self.complaints.pop(item.id, None)
        self._titles.add(pair.title.casefold())
        self._posts.add(item.id, runs_of(pair.post))
        self._responses.add(item.id, runs_of(pair.response))
        self._openings.update(key for key, _, _ in _openings(item, pair, self._bounds))


def _openings(item: Item, pair: Pair, bounds: Bounds) -> list[tuple[tuple[str, ...], int, str]]:
    """(key, the most of it, where) of both ways in which openings are counted."""
    words = words_of(pair.response)
    return [
        (("", *words[:3]), bounds.openings, "responses"),
        ((item.topic, *words[:2]), bounds.topic_openings, "responses of this topic"),
    ]


def _elsewhere(sound: Mapping[int, Pair], against: Texts) -> dict[int, float]:
    """The greatest share of a pair's post or response in one of the texts, where that makes it a near-duplicate."""
    runs = {2 * key: runs_of(pair.post) for key, pair in sound.items()}
    runs |= {2 * key + 1: runs_of(pair.response) for key, pair in sound.items()}
    found: dict[int, float] = {}
    for key, near in nearest(runs, against).items():
        if near.share >= LIMIT:
            found[key // 2] = max(near.share, found.get(key // 2, 0.0))
    return found
