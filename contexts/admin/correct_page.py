"""Correct and continue, in the admin: edit the result of a step, see the difference, confirm.

What was typed is in the form at every moment: whatever goes wrong shows it again. The result that the person began
with travels in the form too, signed: though the context moves meanwhile, nothing typed is lost.
"""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from base.problems import InvalidInput, Problem
from contexts.acts import MAX_WHY, why_read
from contexts.admin.access import WatchedAdmin
from contexts.admin.differences import Difference, differences
from contexts.admin.moves import act_of
from contexts.admin.result_form import ResultForm
from contexts.admin.retry_page import Priced
from contexts.correcting import (
    check_correction,
    context_correct,
    correctable_steps,
    correction_plan,
    result_of,
)
from contexts.models import Context
from contexts.price_tags import Estimator
from contexts.states import Status
from users.scoped_admin import organization_of

SALT = "contexts.correct"


@dataclass(frozen=True)
class Began:
    """What a person began to correct."""

    context_id: str
    step: str
    revision: int
    result: dict[str, Any]

    def signed(self) -> str:
        return signing.dumps(vars(self), salt=SALT, compress=True)

    @classmethod
    def of(cls, context: Context, step: str) -> "Began":
        """Begin.

        Raises:
            InvalidInput: there is nothing of that step to correct.
        """
        return cls(context.pk, step, context.revision, result_of(context, step))

    @classmethod
    def read(cls, text: str, context: Context) -> "Began":
        """Return what came back with the form.

        Raises:
            PermissionDenied: it is not from us, or about another context.
        """
        try:
            began = cls(**signing.loads(text, salt=SALT))
        except signing.BadSignature as exc:
            raise PermissionDenied from exc
        if began.context_id != context.pk:
            raise PermissionDenied
        return began


@dataclass
class Correction:
    """The form between its first sight and the click that confirms it."""

    began: Began
    form: ResultForm
    why: str = ""
    faults: list[str] = field(default_factory=list)
    changes: list[Difference] = field(default_factory=list)
    is_reviewed: bool = False

    def fingerprint(self) -> str:
        """Return what tells the result that was looked at from one that was edited since."""
        return hashlib.sha256(orjson.dumps([self.form.result, self.why])).hexdigest()


class CorrectPages(WatchedAdmin):
    """A part of the admin of contexts."""

    def correct_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        context: Context = self.row_or_404(request, object_id)
        try:
            return self._post(request, context) if request.method == "POST" else self._get(request, context)
        except InvalidInput as problem:  # nothing to correct
            messages.error(request, problem.detail)
            return HttpResponseRedirect(self.row_url("change", context))

    def _get(self, request: HttpRequest, context: Context) -> HttpResponse:
        steps = correctable_steps(context)
        step = request.GET.get("step") or (steps[-1] if steps else "")
        began = Began.of(context, step)
        return self._page(request, context, Correction(began, ResultForm(began.result)))

    def _post(self, request: HttpRequest, context: Context) -> HttpResponse:
        began = Began.read(request.POST.get("began", ""), context)
        correction = Correction(began, ResultForm(began.result, request.POST), request.POST.get("why", ""))
        self._review(context, correction)
        seen = request.POST.get("reviewed") == correction.fingerprint()
        if request.POST.get("do") == "confirm" and seen and correction.is_reviewed:
            try:
                return self._confirm(request, context, correction)
            except Problem as problem:
                correction.faults.append(problem.detail)
                self._begin_anew(context, correction)
        return self._page(request, context, correction)

    def _review(self, context: Context, correction: Correction) -> None:
        correction.faults += correction.form.errors
        try:
            correction.why = why_read(correction.why, is_required=True)
        except InvalidInput as problem:
            correction.faults.append(problem.errors[0].message)
        correction.changes = differences(_present(context, correction.began), correction.form.result)
        if not correction.changes and not correction.form.errors:
            correction.faults.append("Nothing is changed yet.")
        if context.revision == correction.began.revision:
            try:
                check_correction(context, correction.began.step, correction.form.result)
            except InvalidInput as problem:
                correction.faults += [fault.message for fault in problem.errors]
        correction.is_reviewed = not correction.faults

    def _confirm(self, request: HttpRequest, context: Context, correction: Correction) -> HttpResponse:
        step = correction.began.step
        did = f"corrected {step}"
        context_correct(
            context.pk,
            step,
            correction.form.result,
            organization_id=organization_of(request),
            seen_revision=correction.began.revision,
            act=act_of(request, did, correction.why),
        )
        self.log_change(request, context, f"Corrected {step}: {correction.why}")
        messages.success(request, f"The result of {step} is corrected; the steps after it run now.")
        return HttpResponseRedirect(self.row_url("change", context))

    def _begin_anew(self, context: Context, correction: Correction) -> None:
        """Go on from how the context stands now, with what was typed; the difference is to be looked at again."""
        correction.is_reviewed = False
        context.refresh_from_db()
        correction.began = replace(correction.began, revision=context.revision)
        correction.changes = differences(_present(context, correction.began), correction.form.result)

    def _page(self, request: HttpRequest, context: Context, correction: Correction) -> HttpResponse:
        values = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": context,
            "title": f"Correct {correction.began.step}",
            "subtitle": None,
            "context_row": context,
            "correction": correction,
            "steps": correctable_steps(context),
            "can_confirm": context.status == Status.FAILED,
            "price": _price(context, correction) if correction.is_reviewed else None,
            "max_why": MAX_WHY,
            "urls": {name: self.row_url(name, context) for name in ("change", "correct")},
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "contexts/admin/correct.html", values)


def _price(context: Context, correction: Correction) -> Priced:
    """Return what the steps that run on are expected to cost."""
    return Priced("", "", Estimator(context).tag(correction_plan(context, correction.began.step)))


def _present(context: Context, began: Began) -> dict[str, Any]:
    """Return the result as it stands now; as it was, where the step is to run again."""
    is_there = context.status == Status.FAILED and began.step in correctable_steps(context)
    return result_of(context, began.step) if is_there else began.result
