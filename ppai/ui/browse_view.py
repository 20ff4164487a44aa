"""One prompt as the browse page shows it: the post, its responses by system, votes and judges' reasons. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ppai.schema import Outcome, Prompt, Study, Verdict, Vote
from ppai.ui.labels import ARMS, Labels, rater_label
from ppai.ui.markup import escape, said
from ppai.ui.render import markdown_html, plain_html
from ppai.ui.table import Column, Table, table_html

VOTES_SHOWN = 200


def post_html(prompt: Prompt) -> str:
    body = prompt.body if prompt.title and prompt.body else prompt.text
    eyebrow = f'<p class="ppai-eyebrow">{escape(prompt.topic)}</p>' if prompt.topic else ""
    title = escape(prompt.title if prompt.title and prompt.body else prompt.id)
    return (
        f'<section class="ppai-card ppai-stack-tight" aria-labelledby="browse-post">{eyebrow}'
        f'<h2 id="browse-post" data-testid="post">{title}</h2>'
        f'<div class="ppai-text ppai-post">{plain_html(body)}</div></section>'
    )


def responses_html(texts: Mapping[str, str], labels: Labels) -> str:
    cards = "".join(
        f'<article class="ppai-card ppai-response" aria-labelledby="response-{number}">'
        f'<h3 id="response-{number}">{escape(labels.system(system))}</h3>'
        f"{said('browse.characters', 'p', 'class=ppai-muted', n=f'{len(texts[system]):,}')}"
        f'<div class="ppai-text">{markdown_html(texts[system]) or said("browse.empty", "p", "class=ppai-muted")}</div>'
        "</article>"
        for number, system in enumerate(system for system in labels.systems if system in texts)
    )
    heading = said("browse.responses", "h2", 'id="browse-responses"')
    return (
        f'<section class="ppai-part" aria-labelledby="browse-responses">{heading}'
        f'<div class="ppai-responses">{cards}</div></section>'
    )


def current(votes: Sequence[Vote]) -> list[Vote]:
    """The votes that count: of one rater's with a pair, arm and repeat the highest revision."""
    newest: dict[tuple[object, ...], Vote] = {}
    for vote in votes:
        key = (vote.rater, frozenset((vote.system_a, vote.system_b)), vote.arm, vote.repeat)
        if key not in newest or vote.revision >= newest[key].revision:
            newest[key] = vote
    return list(newest.values())


def winner(outcome: Outcome | None, event: Vote | Verdict, labels: Labels) -> str:
    """Which system an outcome names."""
    if outcome is None:
        return "–"
    if outcome is Outcome.TIE:
        return "tie"
    return labels.system(event.system_a if outcome is Outcome.A else event.system_b)


def votes_html(events: Study, labels: Labels) -> str:
    votes = current(events.votes)
    heading = said("browse.votes", "h2", 'id="browse-votes"')
    if not votes:
        body = said("browse.no_votes", "p", 'class="ppai-muted"')
    else:
        newest = sorted(votes, key=lambda vote: vote.created_at.timestamp() if vote.created_at else 0.0, reverse=True)
        body = table_html(_vote_table(newest[:VOTES_SHOWN], labels), "votes")
        if len(votes) > VOTES_SHOWN:
            body += said("browse.first_votes", "p", 'class="ppai-muted"', shown=VOTES_SHOWN, of=f"{len(votes):,}")
    return f'<section class="ppai-card ppai-stack-tight" aria-labelledby="browse-votes">{heading}{body}</section>'


def _vote_table(votes: Sequence[Vote], labels: Labels) -> Table:
    rows = tuple(
        (
            rater_label(vote.rater),
            f"{labels.system(vote.system_a)} / {labels.system(vote.system_b)}",
            *(winner(vote.outcomes.get(key), vote, labels) for key in labels.criteria),
            ARMS.get(vote.arm.value, vote.arm.value) + (f", repeat {vote.repeat}" if vote.repeat else ""),
            "–" if vote.seconds is None else f"{vote.seconds:.0f}",
            vote.status.value + (f": {vote.reason}" if vote.reason else ""),
            vote.comment or "",
        )
        for vote in votes
    )
    return Table(
        "Which system each rater preferred",
        (
            Column("browse.column.rater"),
            Column("browse.column.sides"),
            *(Column(name=labels.criterion(key)) for key in labels.criteria),
            Column("browse.column.shown"),
            Column("browse.column.seconds", number=True),
            Column("browse.column.status"),
            Column("browse.column.comment"),
        ),
        rows,
    )


def verdicts_html(events: Study, labels: Labels) -> str:
    heading = said("browse.verdicts", "h2", 'id="browse-verdicts"')
    if not events.verdicts:
        body = said("browse.no_verdicts", "p", 'class="ppai-muted"')
    else:
        body = f'<ul class="ppai-reasons">{"".join(_verdict(verdict, labels) for verdict in events.verdicts)}</ul>'
    return f'<section class="ppai-card ppai-stack-tight" aria-labelledby="browse-verdicts">{heading}{body}</section>'


def _verdict(verdict: Verdict, labels: Labels) -> str:
    about = [said("browse.order", first=labels.system(verdict.system_a))]
    about += [escape(ARMS.get(verdict.arm.value, verdict.arm.value))]
    if verdict.sample:
        about.append(escape(f"sample {verdict.sample}"))
    if verdict.named:
        about.append(f"<strong>{said('browse.saw_names')}</strong>")
    if verdict.unscored is not None:
        outcome = said("browse.unscored", reason=verdict.unscored)
    else:
        outcome = escape(
            "; ".join(
                f"{labels.criterion(key)}: {winner(verdict.outcomes.get(key), verdict, labels)}"
                for key in labels.criteria
                if key in verdict.outcomes
            )
        )
    reason = (
        plain_html(verdict.justification)
        if verdict.justification
        else said("browse.no_reason", "p", "class=ppai-muted")
    )
    sides = f"{labels.system(verdict.system_a)} / {labels.system(verdict.system_b)}"
    return (
        f"<li><h3>{escape(verdict.judge)}: {escape(sides)}</h3>"
        f'<p class="ppai-muted">{" · ".join(about)}</p><p>{outcome}</p><div class="ppai-text">{reason}</div></li>'
    )
