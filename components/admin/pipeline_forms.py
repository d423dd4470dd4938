"""The form of a pipeline: what it is for, and its steps."""

from typing import Any, cast

from unfold.widgets import UnfoldAdminTextareaWidget

from base.forms import show_problem
from base.problems import InvalidInput
from components.admin.component_forms import check_new_id, chosen_id_field
from components.admin.seen import SeenForm
from components.admin.step_rows import BaseSteps, Steps
from components.edits import pipeline_check
from components.models import Pipeline

ID_PREFIX = "pipe_"


class PipelineForm(SeenForm):
    """A pipeline and its steps, on one page."""

    class Meta:
        model = Pipeline
        fields = ("name", "description", "context_type", "organization", "is_default", "is_active")
        widgets = {"description": UnfoldAdminTextareaWidget({"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        options: dict[str, Any] = {"prefix": "steps", "stored": [] if self.is_new else self.instance.steps}
        self.steps = cast(BaseSteps, Steps(self.data if self.is_bound else None, **options))

    @property
    def changed_data(self) -> list[str]:
        changed = super().changed_data
        return [*changed, "steps"] if self.is_bound and self.instance.steps != self.steps.stored else changed

    def clean_chosen_id(self) -> str:
        chosen: str = self.cleaned_data["chosen_id"]
        return check_new_id(self, Pipeline, chosen, prefix=ID_PREFIX) if chosen else ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("chosen_id"):
            self.instance.pk = cleaned["chosen_id"]
        if not self.steps.is_valid():
            self.add_error(None, "The steps need a correction: see the messages beside them.")
        return cleaned

    def _post_clean(self) -> None:
        """Check the whole once the row has its values: whether it can be the default depends on its other fields."""
        super()._post_clean()  # type: ignore[misc]
        if not self.steps.is_valid():
            return
        self.instance.steps = self.steps.steps()
        try:
            pipeline_check(self.instance)
        except InvalidInput as exc:
            self._show(exc)

    def _show(self, problem: InvalidInput) -> None:
        of_steps = [fault for fault in problem.errors if fault.path.partition("/steps")[1]]
        others = [fault for fault in problem.errors if fault not in of_steps]
        if others:
            show_problem(self, InvalidInput(others))
        if of_steps:
            self.add_error(None, "Nothing was saved: the steps need a correction.")
        shown = [type(fault)(fault.path.removeprefix("/steps"), fault.message) for fault in of_steps]
        for message in self.steps.place(shown):
            self.add_error(None, message)


class PipelineAddForm(PipelineForm):
    """A new pipeline; its id is chosen or made."""

    chosen_id = chosen_id_field(
        required=False,
        help_text="What clients call it, such as pipe_article_generation; empty: one is made. "
        "It cannot be changed later.",
    )
