"""The tools over the real apps, and the short memory that spares the database."""

import asyncio
from io import BytesIO

import pytest
from PIL import Image

from components.builtin.media import MediaComponent, MediaConfig
from components.contract import TemplateNotFound
from components.errors import PermanentError
from components.fresh import Fresh
from media_app.services import asset_ingest
from templates_app.models import Template
from tests.components.conftest import publish, view
from users.models import Organization


@pytest.mark.django_db(transaction=True)
async def test_hundreds_of_contexts_ask_the_database_once(toolbox, template):
    asked = []
    run_sync = toolbox._run_sync

    async def counted(function, /, *args):
        asked.append(args)
        return await run_sync(function, *args)

    toolbox._run_sync = counted
    toolbox._templates._clock = lambda: 0.0  # a machine that stands still for half a second asks again, and rightly
    tools = [toolbox.tools_for(organization_id="org_test", idempotency_key=str(n), notes=None) for n in range(300)]
    found = await asyncio.gather(*(one.templates.find(type="article") for one in tools))
    assert {template.id for template in found} == {"tmpl_a"}
    assert len(asked) == 1


@pytest.mark.django_db(transaction=True)
async def test_organizations_do_not_share_what_is_remembered(toolbox, organization):
    other = await Organization.objects.acreate(id="org_other", name="Other")
    made = await Template.objects.acreate(
        id="tmpl_own", name="Own", type="article", is_default=True, organization=organization
    )
    await toolbox._run_sync(publish, made, "Ours")
    ours = toolbox.tools_for(organization_id="org_test", idempotency_key="a", notes=None)
    theirs = toolbox.tools_for(organization_id=other.pk, idempotency_key="b", notes=None)
    assert (await ours.templates.find(type="article")).id == "tmpl_own"
    with pytest.raises(TemplateNotFound):
        await theirs.templates.find(type="article")


@pytest.mark.django_db(transaction=True)
async def test_template_that_is_published_now_is_found_now(toolbox, tools):
    with pytest.raises(TemplateNotFound):
        await tools.templates.find(type="article")
    made = await Template.objects.acreate(id="tmpl_new", name="New", type="article", is_default=True)
    await toolbox._run_sync(publish, made, "New")
    assert (await tools.templates.find(type="article")).id == "tmpl_new"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_answer_is_asked_for_again_when_it_is_old():
    clock, asked = Clock(), []
    fresh: Fresh[int] = Fresh(seconds=0.5, size=10, clock=clock)

    async def load() -> int:
        asked.append(1)
        return len(asked)

    assert [await fresh.get("a", load), await fresh.get("a", load)] == [1, 1]
    clock.now += 0.49
    assert await fresh.get("a", load) == 1
    clock.now += 0.01
    assert await fresh.get("a", load) == 2


async def test_memory_is_bounded():
    fresh: Fresh[int] = Fresh(seconds=1000, size=3)

    async def load() -> int:
        return 1

    for key in range(100):
        await fresh.get(key, load)
    assert len(fresh._entries) == 3


async def test_failure_is_not_remembered():
    fresh: Fresh[int] = Fresh(seconds=1000, size=3)
    answers = iter([ValueError("no"), None])

    async def load() -> int:
        if error := next(answers):
            raise error
        return 1

    with pytest.raises(ValueError, match="no"):
        await fresh.get("a", load)
    assert await fresh.get("a", load) == 1


async def test_waiter_that_is_cancelled_does_not_take_the_others_along():
    fresh: Fresh[int] = Fresh(seconds=1000, size=3)
    gate = asyncio.Event()

    async def load() -> int:
        await gate.wait()
        return 1

    first, second = (asyncio.create_task(fresh.get("a", load)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    gate.set()
    assert await second == 1
    with pytest.raises(asyncio.CancelledError):
        await first
    await fresh.aclose()


def picture(colour: str) -> BytesIO:
    stream = BytesIO()
    Image.new("RGB", (40, 30), colour).save(stream, "PNG")
    stream.seek(0)
    return stream


@pytest.mark.django_db(transaction=True)
async def test_media_step_writes_the_images_that_fit(toolbox, tools, organization):
    for title, tags in (("Bridge", ["architecture", "stone"]), ("Cat", ["animal"])):
        await toolbox._run_sync(
            lambda title=title, tags=tags: asset_ingest(
                content=picture("red" if title == "Cat" else "blue"),
                title=title,
                alt=f"A {title}",
                tags=tags,
                organization=organization,
            )
        )
    data = {"keywords": ["architecture", "microservices"]}
    result = await MediaComponent(MediaConfig()).process(view(data), tools)
    assert [list(item) for item in result["media"]] == [["id", "url", "alt", "width", "height"]]
    assert result["media"][0]["alt"] == "A Bridge"
    assert (result["media"][0]["width"], result["media"][0]["height"]) == (40, 30)
    tagged = await MediaComponent(MediaConfig(tags=["animal"], limit=1)).process(view({}), tools)
    assert [item["alt"] for item in tagged["media"]] == ["A Cat"]
    nothing = await MediaComponent(MediaConfig()).process(view({"keywords": ["unheard of"]}), tools)
    assert nothing == {"media": []}


@pytest.mark.parametrize("keywords", [7, [7], {"a": 1}])
async def test_keywords_of_another_kind_are_named(tools, keywords):
    with pytest.raises(PermanentError, match="keywords must be a list"):
        await MediaComponent(MediaConfig()).process(view({"keywords": keywords}), tools)
