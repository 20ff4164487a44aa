"""Pure blinding: which system stands at which side, signed item tokens, and raters' codes and hashes."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import TypeVar

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from ppai.errors import TokenError, TokenExpired
from ppai.schema import Arm, Assignment, Pair, Study, Vote

_CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No 0 or O, 1, I, L or U: nothing that is misread from paper or spells a word."""
_CODE_LENGTH = 12
HASHED_RATER = re.compile(r"r[0-9a-f]{16}")
"""What `rater_hash` makes."""

Event = TypeVar("Event", Vote, Assignment)


def start_swapped(secret: bytes, pair: Pair, arm: Arm) -> bool:
    """Whether the pair's second system stands at side A for the first rater: a keyed coin, fair over pairs."""
    message = "\x1f".join((pair.prompt_id, pair.first, pair.second, arm.value)).encode()
    return bool(hmac.digest(secret, message, hashlib.sha256)[0] & 1)


def sides(secret: bytes, pair: Pair, arm: Arm, showing: int) -> tuple[str, str]:
    """The systems at side A and side B for the `showing`-th rater (0, 1, 2, ...) who is given the pair.

    The sides alternate from one showing to the next, so that after an even number of raters every pair is
    balanced exactly, and after an odd number by one.
    """
    swapped = start_swapped(secret, pair, arm) ^ bool(showing % 2)
    return (pair.second, pair.first) if swapped else (pair.first, pair.second)


def new_code() -> str:
    """A fresh rater's code, such as `7KQM-2XRT-P9WD`: 58 random bits."""
    letters = [secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH)]
    return "-".join("".join(letters[start : start + 4]) for start in range(0, _CODE_LENGTH, 4))


def normal_code(typed: str) -> str | None:
    """A code as it was typed, in its one written form; None where it cannot be one."""
    letters = [letter for letter in typed.upper() if letter.isalnum()]
    if len(letters) != _CODE_LENGTH or not set(letters) <= set(_CODE_ALPHABET):
        return None
    return "-".join("".join(letters[start : start + 4]) for start in range(0, _CODE_LENGTH, 4))


def rater_hash(salt: bytes, code: str) -> str:
    """The id under which a rater is stored: 64 bits of a salted hash, from which the code cannot be had."""
    return "r" + hmac.digest(salt, code.encode(), hashlib.sha256).hex()[:16]


def stored_rater(salt: bytes, name: str) -> str:
    """The id under which a rater of a study's files is stored."""
    return name if HASHED_RATER.fullmatch(name) else rater_hash(salt, name)


def with_hashed_raters(study: Study, salt: bytes) -> Study:
    """The study with every rater's name in its events hashed; ids that are hashes already stay as they are."""

    def hashed(event: Event) -> Event:
        return event.model_copy(update={"rater": stored_rater(salt, event.rater)})

    return study.model_copy(
        update={
            "votes": tuple(hashed(vote) for vote in study.votes),
            "assignments": tuple(hashed(entry) for entry in study.assignments),
        }
    )


class ItemTokens:
    """Signed, expiring names of assignments: all that a browser holds of what it rates."""

    def __init__(self, secret: bytes, seconds: float) -> None:
        self._serializer = URLSafeTimedSerializer(
            secret, salt="ppai.item", signer_kwargs={"digest_method": hashlib.sha256}
        )
        self._seconds = seconds

    def sign(self, assignment_id: str) -> str:
        return str(self._serializer.dumps(assignment_id))

    def read(self, token: str) -> str:
        """The assignment's id. Raises TokenExpired, or TokenError where this store did not sign it."""
        try:
            return str(self._serializer.loads(token, max_age=int(self._seconds)))
        except SignatureExpired:
            raise TokenExpired(str(self._serializer.loads(token))) from None
        except (BadSignature, UnicodeError, ValueError):
            raise TokenError("this page's token is not valid") from None
