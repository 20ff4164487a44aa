"""What a test post may not be: the rules that hold for those just written and for sets that exist."""

from __future__ import annotations

from dataclasses import dataclass

from eval.asking.names import people, products
from eval.asking.topics import OLDEST
from eval.prompt_writing.ages import ages_said, grown_up_children, says_age

MOST_WORDS = 400
FEWEST_WORDS = 20


@dataclass(frozen=True)
class Post:
    """One test post."""

    title: str
    body: str
    child_age: int | None = None
    """In whole years, of the child that it is about; None where nothing says it."""
    names: tuple[str, ...] = ()
    """Real people and products in it, as its author listed them."""

    @property
    def text(self) -> str:
        """As the published set has it."""
        return f"{self.title} - {self.body}"

    @property
    def words(self) -> int:
        """Title and body, split at white space."""
        return len(self.title.split()) + len(self.body.split())


def faults(post: Post) -> list[str]:
    """What is wrong with a post whatever was asked for, in words that follow "the post"."""
    found = []
    if not post.title.strip() or not post.body.strip():
        found.append(f"has no {'title' if not post.title.strip() else 'body'}")
    elif post.words < FEWEST_WORDS:
        found.append(f"has {post.words} words; at least {FEWEST_WORDS} are wanted")
    if post.words > MOST_WORDS:
        found.append(f"has {post.words} words; at most {MOST_WORDS} are allowed")
    if post.child_age is not None and not 0 <= post.child_age <= OLDEST:
        found.append(f"is about a child of {post.child_age}; every child must be under {OLDEST + 1}")
    elif grown := grown_up_children(post.text):
        found.append(f"speaks of a child of {grown[0]}; every child must be under {OLDEST + 1}")
    if named := list(dict.fromkeys((*post.names, *products(post.text), *people(post.body)))):
        found.append(f"names {', '.join(named[:3])}; no real people, products or addresses are allowed")
    return found


def age_fault(post: Post, age: int) -> str | None:
    """Whether the post is about a child of the age that was asked for, and says so."""
    if post.child_age != age:
        return f"is about a child of {post.child_age}, not of {age}"
    if not says_age(post.text, age):
        return f"does not say the child's age, {f'{age} years' if age else 'below one year'}"
    return None


def ages_of(post: Post) -> list[int]:
    """Of the child that it is about, else all that its text gives in a usual form."""
    return ages_said(post.text) if post.child_age is None else [post.child_age]
