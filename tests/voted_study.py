"""A study with votes and verdicts of every kind, for the tests of the results, browse and admin pages."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from ppai.schema import DEFAULT_CRITERIA, Outcome, Pair, Prompt, Response, Study, StudyConfig, System, Verdict, Vote

EVIL = "<script>alert('no')</script><img src=x onerror=alert(1)>"
SYSTEMS = (System(id="plain", name="Plain & simple"), System(id="tuned", name="Tuned <b>"))
TOPICS = ("sleep", "food", "school", f"odd {EVIL}")
KEYS = tuple(criterion.key for criterion in DEFAULT_CRITERIA)
BEGIN = datetime(2026, 3, 1, 9, tzinfo=UTC)


def voted_study(n_prompts: int = 32, raters: int = 6) -> Study:
    """Six raters and two judges; the second system wins more often than not."""
    rng = random.Random(7)
    prompts = tuple(
        Prompt(
            id=f"p{n:02d}",
            title=f"Post {n:02d} {EVIL if n == 3 else ''}".strip(),
            body=f"Body of {n:02d}. {EVIL if n == 3 else ''}",
            text=f"Post {n:02d} with its body",
            topic=TOPICS[n % len(TOPICS)],
        )
        for n in range(n_prompts)
    )

    def outcomes(tuned_at: str, lean: float = 0.6) -> dict[str, Outcome]:
        other = "b" if tuned_at == "a" else "a"
        return {key: Outcome(rng.choices((tuned_at, other, "tie"), (lean, 0.9 - lean, 0.1))[0]) for key in KEYS}

    def sides(tuned_at: str) -> dict[str, str]:
        return (
            {"system_a": "tuned", "system_b": "plain"}
            if tuned_at == "a"
            else {"system_a": "plain", "system_b": "tuned"}
        )

    votes = []
    for rater in range(raters):
        for n, prompt in enumerate(prompts):
            if rater and rng.random() < 0.4:
                continue
            tuned_at = rng.choice("ab")
            skipped = n % 11 == 5
            votes.append(
                Vote(
                    vote_id=f"v{rater}-{n}",
                    prompt_id=prompt.id,
                    rater=f"rater{rater}",
                    outcomes={} if skipped else outcomes(tuned_at) if rater else dict.fromkeys(KEYS, Outcome.A),
                    status="skipped" if skipped else "submitted",
                    reason="unclear" if skipped else None,
                    comment=EVIL if n == 3 else None,
                    seconds=round(rng.uniform(20, 200), 1),
                    created_at=BEGIN + timedelta(days=rater, minutes=3 * n),
                    **sides(tuned_at),
                )
            )
    verdicts = [
        Verdict(
            judge=judge,
            prompt_id=prompt.id,
            outcomes=outcomes(tuned_at, lean),
            justification=f"Because of {prompt.id}. {EVIL if n == 3 else ''}",
            created_at=BEGIN,
            **sides(tuned_at),
        )
        if (n + len(judge)) % 13
        else Verdict(judge=judge, prompt_id=prompt.id, unscored="unreadable", created_at=BEGIN, **sides(tuned_at))
        for judge, lean in (("strict-judge", 0.7), ("mild-judge", 0.4))
        for n, prompt in enumerate(prompts)
        for tuned_at in "ab"
    ]
    return Study(
        config=StudyConfig(name="voted", systems=SYSTEMS, results="open", overlap=1000, session_pairs=2),
        prompts=prompts,
        responses=tuple(
            Response(
                prompt_id=p.id, system=s.id, text=f"A response of {s.id} to {p.id}. {EVIL if p.id == 'p03' else ''}"
            )
            for p in prompts
            for s in SYSTEMS
        ),
        pairs=tuple(Pair(prompt_id=p.id, first="plain", second="tuned") for p in prompts),
        votes=tuple(votes),
        verdicts=tuple(verdicts),
    )
