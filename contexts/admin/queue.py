"""django-q2's own rows, for administrators and to be read only: the queue carries hints, the truth is in the contexts.

Its own pages let anybody with the right name any function to run, and send a drain twice; these do not.
"""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django_q.admin import FailAdmin, QueueAdmin, ScheduleAdmin, TaskAdmin
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.admin import ModelAdmin

from users.models import User
from users.scoped_admin import organization_of


class AdministratorsRead(ModelAdmin):
    """Shown to administrators of Draftline, changed by nobody: the rows are those of all organizations."""

    actions = None

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return organization_of(request) is None and isinstance(request.user, User) and request.user.is_superuser

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


_SHOWN_BY: dict[type[Model], Any] = {Success: TaskAdmin, Failure: FailAdmin, Schedule: ScheduleAdmin, OrmQ: QueueAdmin}

for _model, _page in _SHOWN_BY.items():
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)
        admin.site.register(_model, type(_page.__name__, (AdministratorsRead, _page), {}))
