"""Finds names of products and of people in a post, by a short list and a few rules that prove little.

They stand behind the model's own list of the names that it used. What they miss: brands that are not in the list, a
person called by one name alone (invented children may be), people's names in titles, and what is not English. What they
take for a person: two capitalised words of another kind within a sentence. A post that is refused wrongly is only asked
for again.
"""

from __future__ import annotations

import re

_PRODUCTS = """
    AirPods, Baby Einstein, Barbie, Bluey, Calpol, CBeebies, Cheerios, Chromebook, Cocomelon, Costco, Discord, Disney,
    Duolingo, Elmo, Facebook, FaceTime, Fisher-Price, Fitbit, Fortnite, Google, Harry Potter, Hot Wheels, Huggies, Hulu,
    IKEA, Instagram, iPad, iPhone, Kindle, Lego, Legos, McDonald's, Microsoft, Minecraft, Motrin, Netflix, Nickelodeon,
    Nintendo, Nutella, Oreo, Oreos, Pampers, Paw Patrol, Peppa, Pixar, PlayStation, Pokemon, Pokémon, Pull-Ups, Reddit,
    Roblox, Sesame Street, Skype, Snapchat, Spider-Man, Spotify, Starbucks, TikTok, Toniebox, Tylenol, Walmart,
    WhatsApp, Xbox, YouTube
"""
PRODUCTS = tuple(" ".join(name.split()) for name in _PRODUCTS.split(","))
"""Brands that posts about children name most; never complete."""

_PRODUCT = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(PRODUCTS, key=len, reverse=True)))})\b", re.IGNORECASE)
_CONTACT = re.compile(
    r"https?://\S+|\bwww\.\S+|\b[\w.+-]+@[\w-]+\.\w+|(?<!\w)@\w{2,}|(?<!\w)/?[ru]/\w+|[™®]|\+?\d[\d\s()-]{8,}\d"
)
_COMMON = """
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August September
    October November December Spring Summer Autumn Fall Winter New Year Year's Eve Day Christmas Easter Thanksgiving
    Halloween Hanukkah Ramadan Eid Diwali Mother's Father's Valentine's Boxing Bank Holiday Break Mom Mum Mama Mommy
    Mummy Dad Daddy Papa Grandma Grandpa Granny Nana Nan Aunt Auntie Uncle Miss English Spanish French American British
"""
_NO_NAMES = frozenset(_COMMON.split())
"""Words of the calendar and of the family, which are capitalised too."""
_PERSON = re.compile(r"(?<=[a-z,;] )(?:(?:Dr|Mr|Mrs|Ms)\.? )?[A-Z][a-z]+(?:['’]s)?(?: [A-Z][a-z]+(?:['’]s)?)+")


def products(text: str) -> list[str]:
    """Products of the list that the text names, and addresses, user names and telephone numbers, each once."""
    return list(
        dict.fromkeys(match[0].strip(" .,;:!?)") for match in (*_PRODUCT.finditer(text), *_CONTACT.finditer(text)))
    )


def people(body: str) -> list[str]:
    """Two or more capitalised words in a row within a sentence, unless one is of the calendar or the family."""
    found = (match[0] for match in _PERSON.finditer(body))
    return list(dict.fromkeys(name for name in found if not _NO_NAMES.intersection(name.replace("’", "'").split())))
