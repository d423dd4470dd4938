"""The form that asks for an operation on many, read as what it means."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest, QueryDict
from pydantic import ValidationError
from unfold.utils import parse_date_str

from base.problems import Fault, InvalidInput
from contexts.bulk.models import BulkAction
from contexts.bulk.operations import BulkWish
from contexts.bulk.selection import Selection
from contexts.retry_plan import FROM_FAILED
from users.models import User
from users.scoped_admin import organization_of

OPERATION_ID = re.compile(r"bulk_[0-9A-HJKMNP-TV-Z]{26}")
TRIED_FIRST = 10
# so few are not worth a trial
WORTH_A_TRIAL = 20
MOST_FAILED_PERCENT = 20


def selection_of(sent: QueryDict, own: str | None) -> Selection:
    """Return what a list with these filters in its address shows to a person.

    Args:
        own: the organization that the person is bound to.

    Raises:
        InvalidInput: a filter is too long to be one.
    """
    values: dict[str, Any] = {
        "organization_id": own or sent.get("organization") or None,
        "status": sent.get("status", ""),
        "type": sent.get("type", ""),
        "batch_id": sent.get("batch", "").strip(),
        "error": sent.get("error", ""),
        "component": sent.get("component", ""),
        "template_id": sent.get("template", ""),
        "pipeline_id": sent.get("pipeline", ""),
        "created_from": _day(sent.get("created_at_from", "")),
        "created_to": _day(sent.get("created_at_to", "")),
        "text": sent.get("q", "").strip(),
    }
    try:
        return Selection(**values)
    except ValidationError as exc:
        raise InvalidInput([Fault("", "This filter is too long to be one; choose another.")]) from exc


def _day(text: str) -> date | None:
    """Return a day as the list's filter reads it: what is none, or too far off, does not count."""
    found: date | None = parse_date_str(text)
    return found if found and 1971 <= found.year <= 9000 else None


@dataclass
class BulkForm:
    """What was chosen, as text: so that it can be shown again."""

    action: str = BulkAction.RETRY
    from_step: str = FROM_FAILED
    trial: str = "0"
    asks: bool = True
    most_failed_percent: str = str(MOST_FAILED_PERCENT)
    why: str = ""

    @classmethod
    def first(cls, action: str, number: int) -> "BulkForm":
        """Return what is offered at first."""
        tried = TRIED_FIRST if number >= WORTH_A_TRIAL and action == BulkAction.RETRY else 0
        return cls(action=action, trial=str(tried))

    @classmethod
    def of(cls, sent: QueryDict) -> "BulkForm":
        return cls(
            action=sent.get("action", ""),
            from_step=sent.get("from", FROM_FAILED).strip(),
            trial=sent.get("trial", "0"),
            asks=sent.get("then", "ask") == "ask",
            most_failed_percent=sent.get("most_failed_percent", str(MOST_FAILED_PERCENT)),
            why=sent.get("why", ""),
        )

    def wish(self, request: HttpRequest, selection: Selection) -> BulkWish:
        """Return what the person wishes.

        Raises:
            InvalidInput: a number is none.
        """
        person = request.user
        assert isinstance(person, User)  # the admin lets nobody else in
        return BulkWish(
            action=action_of(self.action),
            selection=selection,
            user_id=person.pk,
            user_name=person.get_full_name(),
            organization_id=organization_of(request),
            from_step=self.from_step,
            why=self.why,
            trial=_number(self.trial, "/trial"),
            asks=self.asks,
            most_failed_percent=_number(self.most_failed_percent, "/most_failed_percent"),
        )


def action_of(text: str) -> BulkAction:
    """Return the action of that name.

    Raises:
        InvalidInput: there is none.
    """
    try:
        return BulkAction(text)
    except ValueError as exc:
        raise InvalidInput([Fault("/action", "Choose retry or cancel.")]) from exc


def _number(text: str, path: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text.strip()):
        raise InvalidInput([Fault(path, "Write a whole number.")])
    return int(text)
