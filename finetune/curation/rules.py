"""The rules that leave posts, comments and pairs out: named expressions, the same on every engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetune.curation import texts
from finetune.curation.recipe import Curation

if TYPE_CHECKING:
    from ibis.expr.types import BooleanValue, IntegerColumn, StringValue, Table

_GONE = r"(?i)^\s*(\[\s*(deleted|removed)( by [a-z ]+)?\s*\]\s*)?$"
_SHORT = 40
"""Characters within which a text that is gone fits; a longer one is not searched."""


@dataclass(frozen=True)
class Rule:
    """One row of the funnel."""

    name: str
    says: str
    """What stays, in words that follow "only"."""
    keep: Callable[[Table], BooleanValue]


def post_rules(recipe: Curation) -> list[Rule]:
    """In the order of the funnel. A field that a dump's line lacks drops its post only where it is the body."""
    rules = [
        Rule("self_posts", "texts of their own, no links", lambda posts: posts.is_self.fill_null(True))
        if recipe.self_posts
        else None,
        Rule("body", "whose body is not deleted, removed or empty", lambda posts: ~gone(posts.selftext)),
        Rule("stickied", "that are not stickied", lambda posts: ~posts.stickied.fill_null(False)),
        Rule(
            "moderators",
            "that are not by a moderator",
            lambda posts: ~posts.distinguished.fill_null("").isin(["moderator", "admin"]),
        ),
        Rule("question", "with a question mark in title or body", _asks) if recipe.question else None,
        Rule(
            "comments_above",
            f"with more than {recipe.comments_above} comments",
            lambda posts: posts.num_comments.fill_null(recipe.comments_above + 1) > recipe.comments_above,
        ),
        _no_bots(recipe),
    ]
    return [rule for rule in rules if rule is not None]


def comment_rules(recipe: Curation) -> list[Rule]:
    """For the comments that answer a post itself, whose author is `asker`."""
    rules = [
        Rule("comment_body", "that are not deleted, removed or empty", lambda comments: ~gone(comments.body)),
        _no_bots(recipe),
        Rule("skip_moderators", "that are neither a moderator's nor stickied", lambda comments: ~_official(comments))
        if recipe.skip_moderators
        else None,
        Rule("skip_askers", "that are not by the post's author", lambda comments: ~_by_asker(comments))
        if recipe.skip_askers
        else None,
    ]
    return [rule for rule in rules if rule is not None]


def pair_rules(recipe: Curation) -> list[Rule]:
    """For posts with their best answer."""
    rules = []
    if recipe.exclude_flairs:
        pattern = flair_pattern(recipe.exclude_flairs)
        says = f"whose post has none of {len(recipe.exclude_flairs)} flairs"
        rules.append(Rule("exclude_flairs", says, lambda pairs: ~pairs.flair.fill_null("").lower().re_search(pattern)))
    says = f"whose answer has a score of at least {recipe.min_score}"
    rules.append(Rule("min_score", says, lambda pairs: pairs.score >= recipe.min_score))
    return rules


def text_rules(recipe: Curation) -> list[Rule]:
    """For pairs whose texts are as they will be written; cleaning may leave nothing of what the first rules saw."""
    rules = []
    if recipe.recheck:
        rules.append(
            Rule("body_left", "whose cleaned body still holds words", lambda pairs: texts.has_words(pairs.body))
        )
    if recipe.recheck and recipe.question:
        says = "with a question mark in the cleaned title or body"
        rules.append(Rule("question_left", says, lambda pairs: pairs.title.contains("?") | pairs.body.contains("?")))
    return rules + answer_rules(recipe)


def answer_rules(recipe: Curation) -> list[Rule]:
    """For answers and runners-up as they will be written, `answer`."""
    rules = []
    if recipe.recheck:
        says = "whose cleaned answer still holds words"
        rules.append(Rule("answer_left", says, lambda pairs: texts.has_words(pairs.answer)))
    says = f"whose answer has at least {recipe.min_characters} characters"
    rules.append(Rule("min_characters", says, lambda pairs: pairs.answer.length() >= recipe.min_characters))
    return rules


def first_failed(table: Table, rules: Sequence[Rule]) -> IntegerColumn:
    """For each row the number of the first rule that it breaks, from 0; where none is broken, how many there are."""
    import ibis

    if not rules:
        return ibis.literal(0, type="int64")
    return ibis.cases(*((~rule.keep(table), number) for number, rule in enumerate(rules)), else_=len(rules)).cast(
        "int64"
    )


def gone(text: StringValue) -> BooleanValue:
    """Whether nothing is left of a text but what Reddit puts in its place."""
    text = text.fill_null("")
    return (text.length() < _SHORT) & text.re_search(_GONE)


def flair_pattern(flairs: Sequence[str]) -> str:
    """Matches a flair in lower case that has one of these in it, as whole words, with or without a last "s"."""
    words = "|".join(
        re.sub(r"\s+", r"\\s+", re.escape(one.lower().removesuffix("s")).replace(r"\ ", " ")) for one in flairs
    )
    return rf"(^|[^a-z0-9])({words})s?([^a-z0-9]|$)"


def _asks(posts: Table) -> BooleanValue:
    return posts.title.fill_null("").contains("?") | posts.selftext.fill_null("").contains("?")


def _official(comments: Table) -> BooleanValue:
    return comments.distinguished.fill_null("").isin(["moderator", "admin"]) | comments.stickied.fill_null(False)


def _by_asker(comments: Table) -> BooleanValue:
    """By Reddit's own mark, which older dumps lack, or by name; those who deleted their accounts share one name."""
    author, asker = comments.author.fill_null("").lower(), comments.asker.fill_null("").lower()
    same = (author == asker) & ~author.isin(["", "[deleted]"])
    return comments.is_submitter.fill_null(False) | same


def _no_bots(recipe: Curation) -> Rule | None:
    names = [name.lower() for name in recipe.bots]
    if not names:
        return None
    return Rule("bots", "that are not by a known bot", lambda table: ~table.author.fill_null("").lower().isin(names))
