"""One row of everything that the admin has a page of, and what the database holds."""

from io import BytesIO
from typing import Any

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django_q.models import Failure, OrmQ, Schedule, Success

from base import clock
from components.models import Component, Pipeline
from contexts.bulk.models import BulkAction, BulkOperation, BulkState
from contexts.models import Batch, BatchState, Context, Provider, Trial, TrialItem, Worker
from contexts.states import Status
from contexts.trials.models import ItemState, TrialKind, TrialState
from contexts.webhooks.endpoints import EndpointWish, endpoint_create
from contexts.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from media_app.models import Asset
from media_app.services import asset_ingest
from templates_app.models import Template
from templates_app.selectors import draft_of
from templates_app.services import draft_publish, draft_save
from tests.contexts.rows import STEPS, ran_context
from tests.media_app import images
from users.access import Role
from users.models import Organization, User
from users.services import apikey_create

OUR_APPS = ("base", "components", "contexts", "django_q", "media_app", "templates_app", "users")
SECTIONS = [{"type": "introduction", "instructions": "Begin."}]
Rows = dict[str, Model]


def owned_rows(owner: Organization) -> Rows:
    """Make a row of each model that belongs to an organization, each named after it; by the label of its pages."""
    batch = Batch.objects.create(organization=owner, name=f"Batch of {owner}", state=BatchState.ACCEPTED, total=1)
    context = ran_context(owner, Status.FAILED, STEPS[:2], title=f"Context of {owner}", batch=batch)
    template = _template(owner)
    key, _ = apikey_create(name=f"Key of {owner}", organization=owner, scopes=["media:read"])
    wish = EndpointWish(url=f"https://{owner.pk.replace('_', '-')}.example.com/hooks", events=["context.completed"])
    endpoint = endpoint_create(wish, organization_id=owner.pk)[0]
    return {
        "users_user": User.objects.create_user(f"of-{owner.pk}", "x", role=Role.EDITOR, organization=owner),
        "users_organization": owner,
        "users_apikey": key,
        "templates_app_template": template,
        "media_app_asset": _asset(owner),
        "components_pipeline": Pipeline.objects.create(
            name=f"Pipeline of {owner}", organization=owner, steps=["template"]
        ),
        "contexts_batch": batch,
        "contexts_context": context,
        "contexts_bulkoperation": _operation(owner),
        "contexts_webhookendpoint": endpoint,
        "contexts_webhookdelivery": _delivery(endpoint, context),
        "contexts_trial": _trial(owner, template),
    }


def installation_rows() -> Rows:
    """Make a row of each model that is nobody's: the installation's own."""
    moment = clock.now()
    times = {"started": moment, "stopped": moment}
    return {
        "components_component": Component.objects.create(name="Setting", type="transformer"),
        "contexts_provider": Provider.objects.create(id="openai"),
        "contexts_worker": Worker.objects.create(host="host", pid=1),
        "django_q_success": Success.objects.create(id="s" * 32, name="s", func="f", success=True, **times),
        "django_q_failure": Failure.objects.create(id="f" * 32, name="f", func="f", success=False, **times),
        "django_q_schedule": Schedule.objects.create(name="sched", func="f"),
        "django_q_ormq": OrmQ.objects.create(key="q", payload="x", lock=moment),
    }


def _template(owner: Organization) -> Template:
    template = Template.objects.create(name=f"Template of {owner}", type="article", organization=owner)
    for _ in range(2):
        draft_publish(draft_save(template, structure={"sections": SECTIONS}))
    draft_save(template, structure={"sections": [*SECTIONS, *SECTIONS]})
    return template


def _asset(owner: Organization) -> Asset:
    return asset_ingest(content=BytesIO(images.image()), title=f"Asset of {owner}", organization=owner)[0]


def _operation(owner: Organization) -> BulkOperation:
    return BulkOperation.objects.create(
        organization=owner,
        user_name=f"Person of {owner}",
        action=BulkAction.RETRY,
        state=BulkState.ASKING,
        selection={"organization_id": owner.pk},
        from_step="failed",
    )


def _delivery(endpoint: WebhookEndpoint, context: Context) -> WebhookDelivery:
    return WebhookDelivery.objects.create(
        endpoint=endpoint,
        organization_id=endpoint.organization_id,
        event="context.completed",
        resource_id=context.pk,
        payload={},
        state=DeliveryState.FAILED,
    )


def _trial(owner: Organization, template: Template) -> Trial:
    draft = draft_of(template.pk)
    assert draft is not None
    text = {"version": draft.number, "version_id": draft.pk, "structure": draft.structure}
    trial = Trial.objects.create(
        kind=TrialKind.REPLAY,
        template_id=template.pk,
        texts={"draft": text, "live": text},
        organization=owner,
        state=TrialState.FINISHED,
        most_tokens=1000,
    )
    for side in ("draft", "live"):
        TrialItem.objects.create(
            id=f"{trial.pk}:001:{side}", trial=trial, side=side, organization_id=owner.pk, state=ItemState.DONE
        )
    return trial


def everything() -> dict[str, Any]:
    """Return all rows of all our tables, and the log of changes, so that two moments can be compared."""
    installed = [apps.get_app_config(label) for label in OUR_APPS if apps.is_installed(label)]
    models: list[type[Model]] = [model for app in installed for model in app.get_models()]
    models.append(LogEntry)
    found = {model._meta.label: model._default_manager.order_by("pk").values() for model in models}
    return {label: list(rows) for label, rows in found.items()}
