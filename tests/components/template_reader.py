"""A worker that asks for its template without a pause: ``python -m tests.components.template_reader SECONDS``.

It prints a line for each answer: the time of the question, and the version.
"""

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import django

django.setup()

from components.adapters import Toolbox  # noqa: E402
from components.contract import StepNotes  # noqa: E402


async def read(seconds: float) -> None:
    loop, thread = asyncio.get_running_loop(), ThreadPoolExecutor(1)
    toolbox = Toolbox(lambda function, *args: loop.run_in_executor(thread, function, *args))
    tools = toolbox.tools_for(organization_id="org_test", idempotency_key="key", notes=StepNotes())
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        asked_at = time.time()
        found = await tools.templates.find(type="article")
        print(asked_at, found.version, flush=True)
        await asyncio.sleep(0.01)
    await toolbox.aclose()


if __name__ == "__main__":
    asyncio.run(read(float(sys.argv[1])))
