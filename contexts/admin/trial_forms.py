"""The forms that begin trials: which input, which contexts, and what they may use."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from base.problems import InvalidInput
from components.services import pipeline_default, pipeline_plan, pipelines_visible
from contexts.admin.texts import moment_text
from contexts.models import Context
from contexts.selectors import contexts_visible
from contexts.states import Status
from contexts.trials.models import DRAFT, LIVE, new_trial_id
from contexts.trials.selectors import REPLAYED_STATUSES, recent_of_type
from contexts.trials.services import MOST_CONTEXTS, Sample
from templates_app.models import Template

NOTE = "metadata."
TRIAL_ID_PATTERN = r"^trial_[0-9A-HJKMNP-TV-Z]{26}$"
SAMPLE, PAST = "sample", "past"
RECENT_SHOWN = 20
MOST_TOKENS = 100_000_000
TEST_TOKENS, REPLAY_TOKENS = 50_000, 200_000
REPLAYED_AT_FIRST = 5


def _text(label: str, help_text: str = "", **options: Any) -> forms.CharField:
    return forms.CharField(
        label=label, help_text=help_text, required=False, widget=UnfoldAdminTextInputWidget, max_length=1_000, **options
    )


class SourceForm(forms.Form):
    """An input: sample data, or what a past context's client sent. Once valid, ``chosen`` has it.

    Args:
        organization_id: whose staff fills it in; None for staff of Draftline.
    """

    source = forms.ChoiceField(
        label="Try it with",
        choices=[(SAMPLE, "Sample data"), (PAST, "A past context")],
        initial=SAMPLE,
        widget=UnfoldAdminRadioSelectWidget,
    )
    title = _text("Title", initial="Example Article")
    keywords = _text("Keywords", "Separated by commas.", initial="microservices, architecture")
    target_audience = _text("Audience", initial="developers")
    tone = _text("Tone", initial="technical")
    more = forms.CharField(
        label="Other data",
        required=False,
        max_length=20_000,
        widget=UnfoldAdminTextareaWidget({"rows": 2}),
        help_text=(
            "A line for each, such as summary: Why it matters. Instructions name it as data.summary. "
            "Notes of the client begin with metadata., such as metadata.campaign: spring."
        ),
    )
    pipeline = forms.ChoiceField(label="Pipeline", required=False, widget=UnfoldAdminSelectWidget)
    context = forms.ChoiceField(label="Recent contexts", required=False, widget=UnfoldAdminSelectWidget)
    context_id = _text("Or its id", "Such as ctx_01JD8M7Z4Q1V9XKJ3T5N6R8W2C; it wins over the choice above.")

    sample_fields = ("title", "keywords", "target_audience", "tone", "more", "pipeline")
    past_fields = ("context", "context_id")

    def __init__(self, *args: Any, template: Template, organization_id: str | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._template = template
        self._organization_id = organization_id
        self.chosen: Sample | Context | None = None
        if not self.is_bound:
            named = {"tone": template.tone, "target_audience": template.audience}
            self.initial.update({name: value for name, value in named.items() if value})
        self._choose("pipeline", self._pipelines())
        self._choose("context", self._recent())

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def _pipelines(self) -> list[tuple[str, str]]:
        default = pipeline_default(self._template.type, self._organization_id)
        rows = pipelines_visible(self._organization_id).filter(context_type__in=[self._template.type, ""])
        usual = [("", f"The default: {default.name}")] if default else []
        return [*usual, *((row.pk, row.name) for row in rows.order_by("name"))]

    def _recent(self) -> list[tuple[str, str]]:
        owner = self._organization_id or self._template.organization_id
        rows = recent_of_type(self._template.type, owner, most=RECENT_SHOWN)
        said = [(row.pk, f"{row.title or row.pk} ({row.status}, {moment_text(row.created_at)})") for row in rows]
        return said or [("", f"No context of the type {self._template.type} has ended lately")]

    @property
    def sample_rows(self) -> list[forms.BoundField]:
        return [self[name] for name in self.sample_fields]

    @property
    def past_rows(self) -> list[forms.BoundField]:
        return [self[name] for name in self.past_fields]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            self.chosen = self._past(cleaned) if cleaned["source"] == PAST else self._sample(cleaned)
        return cleaned

    def _past(self, cleaned: dict[str, Any]) -> Context | None:
        wanted = cleaned["context_id"].strip() or cleaned["context"]
        found = contexts_visible(self._organization_id).filter(pk=wanted).first()
        if found is None:
            self.add_error("context_id", f"There is no context {wanted!r}." if wanted else "Choose a context.")
        return found

    def _sample(self, cleaned: dict[str, Any]) -> Sample | None:
        steps = self._steps(cleaned["pipeline"])
        more = self._more(cleaned["more"])
        if self.errors:
            return None
        notes = {name.removeprefix(NOTE): value for name, value in more.items() if name.startswith(NOTE)}
        data = {name: value for name, value in more.items() if not name.startswith(NOTE)} | _named(cleaned)
        owner = self._organization_id or self._template.organization_id or ""
        return Sample(self._template.type, steps, data, notes, organization_id=owner)

    def _steps(self, pipeline_id: str) -> list[Any]:
        rows = pipelines_visible(self._organization_id)
        row = rows.filter(pk=pipeline_id).first() if pipeline_id else None
        row = row or pipeline_default(self._template.type, self._organization_id)
        if row is None:
            self.add_error("pipeline", "There is no pipeline for this type; an editor makes one under Pipelines.")
            return []
        try:
            pipeline_plan(row.steps, from_client=False)
        except InvalidInput as exc:
            self.add_error("pipeline", f"{row.name} cannot run: {exc.errors[0].message}")
        steps: list[Any] = row.steps
        return steps

    def _more(self, text: str) -> dict[str, str]:
        found = {}
        for number, line in enumerate(text.splitlines(), 1):
            name, colon, value = line.partition(":")
            if line.strip() and not (colon and name.strip().removeprefix(NOTE)):
                self.add_error("more", f"Line {number} has no name: write it as name: value.")
            elif line.strip():
                found[name.strip()] = value.strip()
        return found


def _named(cleaned: dict[str, Any]) -> dict[str, Any]:
    """Return the data that has fields of its own, without what was left empty."""
    data = {name: cleaned[name].strip() for name in ("title", "target_audience", "tone") if cleaned[name].strip()}
    keywords = [word.strip() for word in cleaned["keywords"].split(",") if word.strip()]
    return {**data, "keywords": keywords} if keywords else data


class PreviewForm(SourceForm):
    """Which text, and with which input."""

    version = forms.ChoiceField(label="Which text", widget=UnfoldAdminRadioSelectWidget)

    def __init__(self, *args: Any, texts: dict[str, int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = {DRAFT: "The draft", LIVE: "The live version"}
        self._choose("version", [(side, f"{labels[side]} (v{number})") for side, number in texts.items()])
        self.fields["version"].initial = next(iter(texts), None)


class BudgetForm(forms.Form):
    """What a trial may use; the id makes a second click begin nothing anew."""

    most_tokens = forms.IntegerField(
        label="At most so many tokens",
        min_value=1,
        max_value=MOST_TOKENS,
        initial=TEST_TOKENS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Both directions together. No run begins that would go beyond.",
    )
    most_usd = forms.FloatField(
        label="At most so many US dollars",
        min_value=0,
        required=False,
        widget=UnfoldAdminDecimalFieldWidget({"step": "any"}),
        help_text="Empty: no limit. It counts where the component's settings name the prices of tokens.",
    )
    trial_id = forms.RegexField(TRIAL_ID_PATTERN, initial=new_trial_id, widget=forms.HiddenInput)


class TestRunForm(SourceForm, BudgetForm):
    """Which input, and what the runs may use."""

    __test__ = False  # for pytest, which takes it for tests


class ReplayForm(BudgetForm):
    """Which contexts, and what the runs may use."""

    count = forms.IntegerField(
        label="How many of the newest contexts",
        min_value=1,
        max_value=MOST_CONTEXTS,
        initial=REPLAYED_AT_FIRST,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=f"At most {MOST_CONTEXTS}; the list below shows which they are.",
    )
    which = forms.ChoiceField(
        label="Which of them",
        choices=[
            ("", "Completed and failed ones"),
            (Status.COMPLETED.value, "Completed ones only"),
            (Status.FAILED.value, "Failed ones only"),
        ],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["most_tokens"].initial = REPLAY_TOKENS

    @property
    def statuses(self) -> list[str]:
        which = self.cleaned_data["which"]
        return [which] if which else [status.value for status in REPLAYED_STATUSES]


class PublishForm(forms.Form):
    """What the history will say."""

    note = forms.CharField(
        label="Note on this version",
        required=False,
        max_length=500,
        widget=UnfoldAdminTextInputWidget,
        help_text="What changed, for those who read the history.",
    )
