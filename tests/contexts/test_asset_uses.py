"""Where images are used: written by the engine when a context completes, read by the library's pages."""

from io import BytesIO

import pytest

from contexts.engine.run import run_drain
from contexts.models import AssetUse, Context
from contexts.services import context_submit
from contexts.states import Status
from contexts.submission import ContextSubmission, Submitter
from contexts.uses.selectors import assets_used, contexts_showing
from media_app.models import Asset
from media_app.services import asset_ingest
from tests.contexts.rows import ran_context
from tests.media_app import images
from tests.plans import PRIMARY_KEY, assert_reads_an_index, plans_of
from users.access import Role
from users.models import Organization, User

pytestmark = pytest.mark.django_db
ASSET, ANOTHER = "media_01JD8M7Z4Q1V9XKJ3T5N6R8W2C", "media_01JD8M7Z4Q1V9XKJ3T5N6R8W2D"


@pytest.fixture
def other(db) -> Organization:
    return Organization.objects.create(id="org_other", name="Other organization")


def use(context: Context, asset_id: str = ASSET) -> Context:
    AssetUse.of(asset_id, context.pk, context.organization_id).save()
    return context


@pytest.mark.django_db(transaction=True)
def test_the_media_that_a_step_chose_are_noted_when_the_context_completes(organization):
    for tag in ("sea", "tree"):
        asset_ingest(content=BytesIO(images.image()), title=tag, tags=[tag], organization=organization)
    wish = ContextSubmission(type="article", pipeline=["media"], data={"title": "T", "keywords": ["sea"]})
    context = context_submit(wish, submitter=Submitter(organization.pk))[0]
    run_drain(until_idle=True)
    context.refresh_from_db()
    chosen = [item["id"] for item in context.data["media"]]
    assert chosen == [Asset.objects.get(title="sea").pk]
    for asset_id in chosen:
        assert contexts_showing(asset_id, organization.pk, most=5) == [context]
    assert assets_used(Asset.objects.values_list("pk", flat=True), organization.pk) == set(chosen)


def test_the_newest_contexts_come_first_and_no_other_image_counts(organization):
    old, new = (use(ran_context(organization, Status.COMPLETED, [])) for _ in range(2))
    use(ran_context(organization, Status.COMPLETED, []), ANOTHER)
    assert contexts_showing(ASSET, None, most=5) == [new, old]
    assert contexts_showing(ASSET, None, most=1) == [new]


def test_a_context_that_is_gone_or_did_not_complete_does_not_count(organization):
    use(ran_context(organization, Status.FAILED, []))
    AssetUse.of(ASSET, "ctx_gone", organization.pk).save()
    assert contexts_showing(ASSET, None, most=5) == []


def test_an_organization_hears_of_its_own_contexts_only(organization, other, client):
    asset = Asset.objects.create(id=ASSET, title="Shared", file="a.png", thumbnail="a_small.webp", **SIZES)
    own = use(ran_context(organization, Status.COMPLETED, [], title="Ours"))
    use(ran_context(other, Status.COMPLETED, [], title="Theirs"))
    assert contexts_showing(ASSET, organization.pk, most=5) == [own]
    assert assets_used([ASSET, ANOTHER], other.pk) == {ASSET}
    client.force_login(User.objects.create_user("ed", "x", role=Role.EDITOR, organization=organization))
    page = client.get(f"/admin/media_app/asset/{asset.pk}/change/").content.decode()
    assert "Ours (article" in page
    assert "Theirs" not in page
    assert "in use" in client.get("/admin/media_app/asset/").content.decode()


def test_the_uses_of_an_image_are_read_along_an_index(organization):
    own = plans_of(lambda: contexts_showing(ASSET, organization.pk, most=5), "asset_uses")
    assert_reads_an_index(own, "asset_uses_organization")
    assert_reads_an_index(plans_of(lambda: contexts_showing(ASSET, None, most=5), "asset_uses"), PRIMARY_KEY)
    assert_reads_an_index(plans_of(lambda: assets_used([ASSET], None), "asset_uses"), PRIMARY_KEY)


SIZES = {"content_type": "image/png", "size_bytes": 1, "width": 1, "height": 1, "sha256": "0"}
