"""Digests by which it is known that what was scored has changed."""

from __future__ import annotations

from small_studies import small_study

from ppai.schema import Arm, Study
from ppai.scored import references_digest, scored_texts


def with_text(study: Study, text: str) -> Study:
    first, *others = study.responses
    return study.model_copy(update={"responses": (first.model_copy(update={"text": text}), *others)})


def test_the_digest_is_of_ids_and_texts_in_no_order() -> None:
    study = small_study()
    digest = scored_texts(study, Arm.AS_IS)
    turned = study.model_copy(update={"responses": study.responses[::-1]})
    assert scored_texts(turned, Arm.AS_IS) == digest and len(digest) == 16
    assert scored_texts(with_text(study, "other"), Arm.AS_IS) != digest
    other = with_text(study, "other")
    first, second, *rest = other.responses
    swapped = (
        first.model_copy(update={"text": second.text}),
        second.model_copy(update={"text": first.text}),
        *rest,
    )
    assert scored_texts(other.model_copy(update={"responses": swapped}), Arm.AS_IS) not in (
        digest,
        scored_texts(other, Arm.AS_IS),
    )


def test_the_plain_arm_does_not_see_a_change_of_format() -> None:
    bare, bold = (with_text(small_study(), text) for text in ("Rest now.", "**Rest** now."))
    assert scored_texts(bare, Arm.PLAIN) == scored_texts(bold, Arm.PLAIN)
    assert scored_texts(bare, Arm.AS_IS) != scored_texts(bold, Arm.AS_IS)


def test_answers_are_told_apart_whatever_their_order() -> None:
    digest = references_digest({"p1": ("a", "b"), "p2": ("c",)})
    assert references_digest({"p2": ("c",), "p1": ("b", "a")}) == digest
    assert references_digest({"p1": ("a",), "p2": ("b", "c")}) != digest
