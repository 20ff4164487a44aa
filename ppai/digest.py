"""A short digest of texts as they were shown, by which later files tell whether they are the same."""

from __future__ import annotations

import hashlib
import json


def texts_digest(*texts: str) -> str:
    """16 hexadecimal digits of SHA-256 over the texts, in their order."""
    return hashlib.sha256(json.dumps(texts, separators=(",", ":")).encode()).hexdigest()[:16]
