"""All that the page of a trial shows: how far it is, and its results in pairs, the new one beside the old one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from base.difference import Difference, difference
from base.problems import Conflict
from components.builtin.conversion import converted
from components.builtin.transformer import Format
from components.explanations import Explanation, explain
from components.prices import Bill, bill_of, money_text, tokens_text
from contexts.admin.access import admin_url
from contexts.admin.article import Article, article_of
from contexts.admin.texts import STATUS_COLOURS, seconds_text
from contexts.content import CONTENT_KEY, finished_content
from contexts.models import Context, Trial, TrialItem
from contexts.selectors import contexts_visible
from contexts.states import Status
from contexts.trials.budget import Budget
from contexts.trials.models import DRAFT, LIVE, ItemState, TrialKind, TrialState

STATE_COLOURS = {
    TrialState.RUNNING: "info",
    TrialState.FINISHED: "success",
    TrialState.STOPPED: "warning",
    TrialState.CANCELLED: "default",
}
ITEM_COLOURS: dict[str, str] = {
    ItemState.WAITING: "default",
    ItemState.RUNNING: "info",
    ItemState.DONE: "success",
    ItemState.FAILED: "danger",
    ItemState.CANCELLED: "default",
}
ENDED = (ItemState.DONE, ItemState.FAILED)
# So many pairs are shown with their texts on the page of the trial; more would be a long way to scroll.
PAIRS_IN_FULL = 2


@dataclass(frozen=True)
class Side:
    """One result, or how far it is.

    Args:
        error, explanation: why there is no text, in the component's own and in plain words.
        waits: why it is not done yet.
        text: plain, to be compared; empty where there is none.
        row: what the article is made of.
    """

    name: str
    state: str
    colour: str
    waits: str = ""
    error: str = ""
    explanation: Explanation | None = None
    article: Article | None = None
    words: int | None = None
    tokens: str = ""
    cost: str = ""
    took: str = ""
    model: str = ""
    text: str = ""
    row: Context | None = None


@dataclass(frozen=True)
class Pair:
    """Two results of one input; ``old`` is what is live, or what became of a context in earnest."""

    number: int
    title: str
    context_url: str
    old: Side | None
    new: Side | None
    difference: Difference | None

    @property
    def sides(self) -> list[Side]:
        return [side for side in (self.old, self.new) if side is not None]

    @property
    def words_more(self) -> int | None:
        """Return how many words the new text has more, or less."""
        if self.difference is None or not (self.old and self.new):
            return None
        return (self.new.words or 0) - (self.old.words or 0)


@dataclass(frozen=True)
class Progress:
    """How far a trial is; ``mark`` changes with whatever a page shows."""

    done: int
    failed: int
    total: int
    tokens: str
    cost: str
    budget: str
    said: str
    mark: str


def progress_of(trial: Trial, items: Sequence[TrialItem]) -> Progress:
    """Return how far a trial is, from rows without their work."""
    done, failed = (sum(item.state == state for item in items) for state in ENDED)
    bill = sum((item.bill for item in items), Bill())
    said = f"{done + failed} of {len(items)} runs are done{f', {failed} of them failed' if failed else ''}."
    facts = [trial.state, trial.decision, trial.reason]
    facts += [f"{item.state} {item.waiting_for} {item.due_at} {item.error} {item.bill}" for item in items]
    return Progress(
        done=done,
        failed=failed,
        total=len(items),
        tokens=tokens_text(bill),
        cost=money_text(bill),
        budget=str(Budget(trial.most_tokens, trial.most_usd)),
        said=said if trial.state == TrialState.RUNNING else f"{trial.get_state_display()}. {said}",
        mark=hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16],
    )


def pairs_of(
    trial: Trial, organization_id: str | None, numbers: Sequence[int] = (), *, in_full: bool = True
) -> list[Pair]:
    """Return the results of a trial in pairs.

    Args:
        organization_id: whose staff looks: contexts of others are not shown, nor what became of them.
        numbers: which pairs; none for all of them.
        in_full: whether the texts are to be read, not only compared.
    """
    rows = TrialItem.objects.filter(trial_id=trial.pk)
    if numbers:
        rows = rows.filter(pk__in=[f"{trial.pk}:{number:03}:{side}" for number in numbers for side in (DRAFT, LIVE)])
    items = list(rows.order_by("pk"))
    ids = [item.context_id for item in items if item.context_id]
    contexts = {row.pk: row for row in contexts_visible(organization_id).filter(pk__in=ids)} if ids else {}
    by_number: dict[int, dict[str, TrialItem]] = {}
    for item in items:
        by_number.setdefault(number_of(item), {})[item.side] = item
    found = [_pair(trial, number, sides, contexts) for number, sides in sorted(by_number.items())]
    return [_readable(pair) for pair in found] if in_full else found


def _readable(pair: Pair) -> Pair:
    return replace(pair, old=_with_article(pair.old), new=_with_article(pair.new))


def _with_article(side: Side | None) -> Side | None:
    if side is None or side.row is None or side.row.status != Status.COMPLETED:
        return side
    return replace(side, article=article_of(side.row))


def number_of(item: TrialItem) -> int:
    """Return the place of an item's input in its trial."""
    return int(item.pk.split(":")[1])


def _pair(trial: Trial, number: int, sides: dict[str, TrialItem], contexts: dict[str, Context]) -> Pair:
    first = next(iter(sides.values()))
    context = contexts.get(first.context_id)
    new = _side_of_item(trial, sides[DRAFT]) if DRAFT in sides else None
    live = _side_of_item(trial, sides[LIVE]) if LIVE in sides else None
    old = _side_of_context(context) if trial.kind == TrialKind.REPLAY else live
    is_comparable = old and new and old.text and new.text
    return Pair(
        number=number,
        title=first.title,
        context_url=admin_url("contexts_context_change", context.pk) if context else "",
        old=old,
        new=new,
        difference=difference(old.text, new.text) if old and new and is_comparable else None,
    )


def _side_of_item(trial: Trial, item: TrialItem) -> Side:
    name = f"{'Draft' if item.side == DRAFT else 'Live'} (v{trial.texts[item.side]['version']})"
    state = ItemState.CANCELLED if _never_comes(trial, item) else ItemState(item.state)
    row = Context(
        id=item.pk,
        status=Status.COMPLETED if state == ItemState.DONE else Status.FAILED,
        data=item.work.get("data", {}),
        processing=item.work.get("processing", {}),
        step_runs=item.work.get("step_runs", []),
        error=item.error,
    )
    side = _side(name, row, item.bill, has_ended=state in ENDED)
    shown = {**side, "state": state.label, "colour": ITEM_COLOURS[state]}
    if state in (ItemState.WAITING, ItemState.RUNNING):
        shown["waits"] = _waits(item)
    return Side(**shown)


def _never_comes(trial: Trial, item: TrialItem) -> bool:
    return item.state == ItemState.WAITING and trial.state != TrialState.RUNNING


def _waits(item: TrialItem) -> str:
    if item.waiting_for:
        return f"It waits for {item.waiting_for}."
    if item.error and item.state == ItemState.WAITING:
        short = explain(item.error["type"], retryable=True).short
        return f"{short}: it is tried again at {item.due_at:%H:%M:%S} UTC."
    return ""


def _side_of_context(context: Context | None) -> Side:
    if context is None:
        return Side(name="Then", state="Gone", colour="default", waits="It was removed, or is not yours to see.")
    side = _side("Then", context, bill_of(context.step_runs), has_ended=True)
    versions = [run["template_version"] for run in context.step_runs if run.get("template_version")]
    side["name"] = f"Then (v{versions[-1]})" if versions else "Then"
    return Side(**{**side, "state": context.status.capitalize(), "colour": STATUS_COLOURS[context.status]})


def _side(name: str, row: Context, bill: Bill, *, has_ended: bool) -> dict[str, Any]:
    error = row.error if has_ended and row.status != Status.COMPLETED else None
    text = _plain(row) if row.status == Status.COMPLETED else ""
    return {
        "name": name,
        "error": error["message"] if error else "",
        "explanation": explain(error["type"], retryable=error["retryable"]) if error else None,
        "row": row,
        "words": row.data[CONTENT_KEY].get("word_count", len(text.split())) if text else None,
        "tokens": tokens_text(bill) if bill.tokens else "",
        "cost": money_text(bill) if bill.tokens else "",
        "took": seconds_text(sum(run["duration_ms"] for run in row.step_runs)) if row.step_runs else "",
        "model": next((run["model"] for run in reversed(row.step_runs) if run.get("model")), ""),
        "text": text,
    }


def _plain(row: Context) -> str:
    try:
        content = finished_content(row)
    except Conflict:
        return ""
    return converted(content.text, source=content.format, target=Format.PLAIN)
