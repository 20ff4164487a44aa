"""Says which of the rules a set of prompts that exists breaks, and how varied it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from eval.asking.texts import Texts
from eval.asking.topics import Topic
from eval.prompt_writing.checking import Post, ages_of, faults
from eval.prompt_writing.selection import repetitions
from ppai.errors import StudyError
from ppai.overlap import LIMIT, nearest, runs_of
from ppai.schema import Prompt
from ppai.studyfiles.lines import read_objects
from ppai.studyfiles.problems import Problem, problems_of, quoted


@dataclass(frozen=True)
class CheckedSet:
    """What was found in a set."""

    file: str
    posts: int
    broken: tuple[str, ...]
    """One line each."""
    longest: int
    """Words."""
    age_counts: tuple[tuple[int, int], ...]
    """(whole years, posts in which that age is found), in rising order."""
    without_age: int
    """Posts in which no age is found: a note, since ages are found only in usual forms."""
    topics: int

    def lines(self) -> list[str]:
        """What the command prints."""
        ages = ", ".join(f"{age}: {count}" for age, count in self.age_counts) or "none found"
        summary = f"{self.file}: {self.posts} posts, {self.topics} topics, at most {self.longest} words"
        notes = [summary, f"ages of the children (years: posts): {ages}; in {self.without_age} no age was found"]
        end = f"{len(self.broken)} rules broken" if len(self.broken) != 1 else "1 rule broken"
        return [*self.broken, *notes, end if self.broken else "nothing is broken"]


def check_set(
    path: Path, *, topics: Sequence[Topic] | None = None, per_topic: int | None = None, against: Texts = ()
) -> CheckedSet:
    """Checks each post, repetitions within the set and of `against`, and the number of posts a topic.

    Every topic should have `per_topic` posts, by default as many as the largest has; `topics` are those that it should
    have, by default those that it has. Raises StudyError where the file is none of prompts.
    """
    rows = _read(path)
    posts = {row.id: _post(row) for row in rows}
    broken = [f"{path.name}: post {key}: {fault}" for key, post in posts.items() for fault in faults(post)]
    for key, earlier, share in repetitions({key: post.text for key, post in posts.items()}):
        broken.append(f"{path.name}: post {key}: repeats post {earlier} ({share:.0%} of it)")
    broken += _repeats_elsewhere(path.name, posts, against)
    broken += [f"{path.name}: {line}" for line in _topic_faults(rows, topics, per_topic)]
    found = [ages_of(post) for post in posts.values()]
    return CheckedSet(
        path.name,
        len(posts),
        tuple(broken),
        max(post.words for post in posts.values()),
        tuple(sorted(Counter(age for ages in found for age in ages).items())),
        sum(not ages for ages in found),
        len({row.topic for row in rows if row.topic}),
    )


def _read(path: Path) -> list[Prompt]:
    problems: list[Problem] = []
    prompts: dict[str, Prompt] = {}
    for line, row in read_objects(path, problems):
        try:
            prompt = Prompt.model_validate(row)
        except ValidationError as error:
            problems += problems_of(error, path.name, line)
            continue
        if prompt.id in prompts:
            problems.append(Problem(path.name, line, "id", f"{quoted(prompt.id)} stands twice"))
        prompts[prompt.id] = prompt
    if not prompts and not problems:
        problems.append(Problem(path.name, 0, "", "holds no prompts"))
    if problems:
        raise StudyError(problems)
    return list(prompts.values())


def _post(prompt: Prompt) -> Post:
    """A prompt whose parts are not known counts as a body under a title of dashes."""
    age: Any = prompt.extra.get("child_age")
    known = prompt.title is not None and prompt.body is not None
    title, body = (prompt.title, prompt.body) if known else ("-", prompt.text)
    return Post(str(title), str(body), age if type(age) is int else None)


def _repeats_elsewhere(file: str, posts: dict[str, Post], against: Texts) -> list[str]:
    keys = list(posts)
    found = nearest({number: runs_of(posts[key].text) for number, key in enumerate(keys)}, against)
    return [
        f"{file}: post {keys[number]}: repeats {near.where} ({near.share:.0%} of it)"
        for number, near in sorted(found.items())
        if near.share >= LIMIT
    ]


def _topic_faults(rows: Sequence[Prompt], topics: Sequence[Topic] | None, per_topic: int | None) -> list[str]:
    counts = Counter(row.topic for row in rows if row.topic)
    faults = [f"post {row.id}: has no topic" for row in rows if not row.topic and (counts or topics)]
    wanted = per_topic or max(counts.values(), default=0)
    names = list(counts) if topics is None else [topic.name for topic in topics]
    faults += [f"topic {name!r}: not one of those that are wanted" for name in counts if name not in names]
    return faults + [f"topic {name!r}: {counts[name]} posts of {wanted}" for name in names if counts[name] != wanted]
