"""Shows the problems of services beside the fields of a form."""

from django.forms import BaseForm

from base.problems import Problem


def show_problem(form: BaseForm, problem: Problem, *, otherwise: str | None = None) -> None:
    """Add a problem's faults to a form: each to the field that its path begins with.

    Args:
        otherwise: the field for what belongs to none; None for the top of the form.
    """
    if not problem.errors:
        form.add_error(otherwise, problem.detail)
    for fault in problem.errors:
        field = fault.path.strip("/").partition("/")[0]
        form.add_error(field if field in form.fields else otherwise, fault.message)
