"""Components are made once for many contexts, and follow what staff correct."""

import asyncio
from typing import Any

import pytest

from components.building import Builder
from components.errors import PermanentError
from components.models import Component as ComponentRow
from components.pipeline import Step

pytestmark = pytest.mark.django_db(transaction=True)


async def run_sync(function: Any, *args: Any) -> Any:
    return await asyncio.to_thread(function, *args)


def step(name: str, **overrides: Any) -> Step:
    return Step(name, name, overrides=overrides)


async def test_steps_with_the_same_settings_share_one_component():
    builder = Builder(run_sync)
    one, same = await builder.build(step("transformer", toc=True)), await builder.build(step("transformer", toc=True))
    other = await builder.build(step("transformer"))
    assert one is same
    assert (one.config.toc, other.config.toc) == (True, False)


async def test_step_whose_settings_do_not_fit_is_refused_each_time():
    builder = Builder(run_sync)
    for _ in range(2):
        with pytest.raises(PermanentError) as caught:
            await builder.build(step("transformer", toc="perhaps"))
        assert caught.value.type == "invalid_config"


async def test_corrected_row_holds_within_a_second():
    def save(temperature: float) -> None:
        ComponentRow.objects.update_or_create(
            id="comp_mine", defaults={"name": "Mine", "type": "ai_generator", "config": {"temperature": temperature}}
        )

    await asyncio.to_thread(save, 0.1)
    builder = Builder(run_sync)
    assert (await builder.build(step("comp_mine"))).config.temperature == 0.1
    await asyncio.to_thread(save, 0.9)
    deadline = asyncio.get_running_loop().time() + 1.0
    while (await builder.build(step("comp_mine"))).config.temperature != 0.9:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)
    await builder.aclose()
