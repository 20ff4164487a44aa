"""A seed for every prompt of a study, made from the one that a system is written with."""

from __future__ import annotations

import hashlib


def prompt_seed(seed: int, prompt_id: str) -> int:
    """Below 2**56, so that a prompt's response does not depend on which others are asked for."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{prompt_id}".encode()).digest()[:7], "big")
