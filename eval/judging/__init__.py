"""Runs judges over a study: what there is to ask, who asks it, what it costs, and what came back.

`plan` and `Plan.items` say what there is to ask; a `Ledger` claims items, so that no other run asks them, and
stores the verdicts that `to_verdict` makes of answers; `judge_study` does it all for a judge that answers at once.
"""

from eval.judging.budget import Budget
from eval.judging.items import Item
from eval.judging.ledger import Ledger, Taken
from eval.judging.plan import Order, Plan, plan
from eval.judging.tally import Tally
from eval.judging.verdicts import missing, to_verdict

__all__ = ["Budget", "Item", "Ledger", "Order", "Plan", "Taken", "Tally", "missing", "plan", "to_verdict"]
