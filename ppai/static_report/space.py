"""The README of a static Space: the front matter by which a host shows the page beside it."""

from __future__ import annotations

import json

MOST_LETTERS = 60
"""Of a Space's short description."""
SDK = "sdk: static"


def space_readme(study: str) -> str:
    """In YAML a string of JSON is a string, whatever a study's name holds."""
    title = json.dumps(f"Results: {study}", ensure_ascii=False)
    about = json.dumps(f"Results of {study}"[:MOST_LETTERS], ensure_ascii=False)
    return f"""---
title: {title}
emoji: ⚖️
colorFrom: blue
colorTo: gray
{SDK}
app_file: index.html
pinned: false
short_description: {about}
---

`index.html` is a report that needs nothing beside it and asks no server for anything; `summary.json` has its figures.
Both were made by `ppai report`.
"""
