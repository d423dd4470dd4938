"""A loop that ends whatever its tasks do."""

import asyncio
import signal
import time

import pytest

from contexts.engine.bounded import run_bounded


async def ignore_everything(started: list[bool]) -> None:
    while True:
        try:
            started.append(True)
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue


def test_task_that_ignores_its_cancellation_does_not_keep_the_process(caplog):
    async def main() -> int:
        asyncio.create_task(ignore_everything([]), name="ctx_stubborn")  # noqa: RUF006
        await asyncio.sleep(0)
        return 7

    began = time.monotonic()
    assert run_bounded(main()) == 7
    assert time.monotonic() - began < 5
    assert "ctx_stubborn" in caplog.text


@pytest.mark.parametrize("busy", [False, True], ids=["waiting", "computing"])
def test_alarm_of_the_queue_lets_the_main_task_clean_up(busy):
    class Alarm(SystemExit):
        pass

    def ring(number: int, frame: object) -> None:
        raise Alarm

    cleaned_up: list[bool] = []

    async def main() -> None:
        try:
            while True:  # noqa: ASYNC110 - nothing is awaited but the alarm
                await asyncio.sleep(0 if busy else 3600)
        finally:
            await asyncio.sleep(0.01)
            cleaned_up.append(True)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(Alarm):
            run_bounded(main())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert cleaned_up == [True]
