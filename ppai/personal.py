"""Pure: what in a text names or reaches a person: e-mail addresses, links, user names, telephone numbers, addresses.

The patterns are written for every engine that reads them (Python, DuckDB, Spark): none looks ahead or behind.
"""

from __future__ import annotations

import re

URL = r"(?i)<(?:https?://|www\.)[^\s<>]+>|(?:https?://|www\.)(?:[^\s()<>\x{00A0}]|\([^\s()<>]*\))+"
DOMAIN = (
    r"(?i)(^|[^a-z0-9@._/-])(?:[a-z0-9][a-z0-9-]*\.)+(?:com|org|net|edu|gov|info|io|co\.uk)"
    r"(?:/(?:[^\s()<>\x{00A0}]*[a-z0-9/_=&%#-])?)?([^a-z0-9-]|$)"
)
"""A host without "https://": of the common endings only, or a full stop without a space would make one."""
EMAIL = r"(?i)[a-z0-9][a-z0-9._%+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}"
USER = r"(^|[^A-Za-z0-9/])/?[uU]/(?:[A-Za-z0-9_-]|\\[_-]){3,20}"
HANDLE = r"(^|[^A-Za-z0-9_.@/])@(?:[A-Za-z]|\\?_)(?:[A-Za-z0-9_.]|\\_)*[A-Za-z0-9_]"
NUMBER = (
    r"(?:\+[0-9]{1,3}[ .-]?(?:\([0-9]{1,4}\)[ .-]?)?[0-9]{2,4}(?:[ .-]?[0-9]{2,4}){2,3}"
    r"|(?:1[ .-])?(?:\([0-9]{3}\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4}"
    r"|1?[2-9][0-9]{9}|0[0-9]{9,10}"
    r"|(?:\(0[0-9]{1,4}\) ?|0[0-9]{1,4}[ .-])(?:[0-9]{3,4}[ .-][0-9]{3,4}|[0-9]{5,8})"
    r"|0[1-9](?:[ .-][0-9]{2}){4}|0[1-9][0-9]{1,4} ?/ ?[0-9]{3,5}[ -]?[0-9]{2,5}"
    r"|[67][0-9]{2} [0-9]{3} [0-9]{3}|[67][0-9]{2}(?: [0-9]{2}){3})"
)
"""International; of North America, with and without separators; with the 0 of a national one, as in Europe, where a
stroke may follow the area; of Spanish mobiles."""
PHONE = (
    r"(^|[^0-9A-Za-z$€£.,/-]|[^0-9$€£][.,/-])"
    rf"{NUMBER}(?:[^0-9A-Za-z]{{1,3}}{NUMBER})*"
    r"([^0-9A-Za-z]|$)"
)
"""Several in a row are one match, since what stands between two can belong to one match only."""
ADDRESS = (
    r"(?i)(^|[^\w])(?:[0-9]{1,5}[a-z]? (?:[A-Za-z][A-Za-z.'-]* ){1,3}"
    r"(?:street|st\.|avenue|ave\.?|road|rd\.?|lane|boulevard|blvd\.?|crescent)"
    r"|[A-Za-zÄÖÜäöüß-]+(?:straße|strasse|str\.|gasse|platz|allee) [0-9]{1,4}[a-z]?"
    r"|(?:calle|avenida|avda\.|plaza|paseo) [^,\n0-9]{2,40},? (?:n\.?[ºo°]? ?)?[0-9]{1,4})([^\w]|$)"
)
"""A street with a number, as it is written in English, German and Spanish."""

KINDS = {
    "email": (EMAIL,),
    "phone": (PHONE,),
    "url": (URL, DOMAIN),
    "user_name": (USER, HANDLE),
    "address": (ADDRESS,),
}


def for_python(pattern: str) -> str:
    """A pattern as Python's `re` has it, which writes a sign by its number in another way."""
    return re.sub(r"\\x\{([0-9A-Fa-f]{4})\}", r"\\u\1", pattern)


_COMPILED = {kind: tuple(re.compile(for_python(one)) for one in patterns) for kind, patterns in KINDS.items()}


def personal_kinds(text: str) -> tuple[str, ...]:
    """Which kinds of personal data a text seems to hold, of the keys of `KINDS`; a hint, and no proof."""
    return tuple(kind for kind, patterns in _COMPILED.items() if any(one.search(text) for one in patterns))
