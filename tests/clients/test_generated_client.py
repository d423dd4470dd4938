"""A client that is generated from the OpenAPI document, without a warning, does a client's whole job."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.durability.installation import Installation, wait_until

pytestmark = [pytest.mark.durability, pytest.mark.timeout(240)]
NAME = "generated_draftline_client"


class Generated:
    """The generated package: its operations by tag and name, its models by name."""

    def __init__(self, installation: Installation) -> None:
        secret = installation.authorization.removeprefix("Bearer ")
        self.client = self.part("client").AuthenticatedClient(base_url=installation.url, token=secret)
        self.models = self.part("models")

    def part(self, name: str) -> Any:
        return import_module(f"{NAME}.{name}")

    def ask(self, operation: str, *values: Any, **named: Any) -> Any:
        """Call an operation such as ``contexts.context_get`` and return what it answered, as a model."""
        answer = self.part(f"api.{operation}").sync_detailed(*values, client=self.client, **named)
        assert answer.status_code < 300, answer.content
        return answer.parsed

    def submission(self, **more: Any) -> Any:
        return self.models.ContextSubmission.from_dict({"type": "article", "data": {"title": "Ours"}} | more)


@pytest.fixture(scope="module")
def generated(installation: Installation, tmp_path_factory) -> Iterator[Generated]:
    folder = tmp_path_factory.mktemp("generated")
    bin_folder = Path(sys.executable).parent
    schema = folder / "openapi.json"
    schema.write_text(json.dumps(installation.get("schema")))
    generate = [str(bin_folder / "openapi-python-client"), "generate", "--fail-on-warning", "--meta", "none"]
    generate += ["--path", str(schema), "--output-path", str(folder / NAME)]
    environment = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"}  # it formats what it wrote with ruff
    done = subprocess.run(generate, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.append(str(folder))
    made = Generated(installation)
    with made.client:
        yield made


def test_a_context_is_submitted_waited_for_and_fetched(generated: Generated):
    submitted = generated.ask("contexts.context_create", body=generated.submission())
    assert submitted.status == "pending"
    finished = generated.ask("contexts.context_get", submitted.id, wait=30)
    assert finished.status == "completed"
    assert finished.data.formatted_content.content.startswith("# Ours")
    assert finished.data.usage.output_tokens > 0
    assert finished.processing.completed_components == ["template", "ai_generator", "transformer"]
    assert generated.ask("contexts.context_content", submitted.id).startswith("# Ours")
    page = generated.ask("contexts.contexts_list", q=submitted.id)
    assert [context.id for context in page.results] == [submitted.id]
    steps = generated.ask("contexts.context_steps", submitted.id)
    assert [run.key for run in steps.results] == ["template", "ai_generator", "transformer"]


def test_steps_have_types_and_their_settings_arrive(generated: Generated):
    models = generated.models
    ours = models.AiGeneratorStep(
        component="ai_generator", config=models.AiGeneratorConfig(temperature=0.2, max_tokens=500)
    )
    final = models.TransformerStep(component="transformer", config=models.TransformerConfig(toc=True))
    submission = models.ContextSubmission(type_="article", pipeline=["template", [ours, "media"], final])
    submission.data = models.ContextSubmissionData.from_dict({"title": "Ours"})
    finished = generated.ask("contexts.context_create", body=submission, wait=30)
    assert finished.status == "completed", finished.error
    template, (generator, _), transformer = finished.pipeline
    assert (template, generator.config.temperature, transformer.config.toc) == ("template", 0.2, True)
    assert finished.data.generation_parameters.to_dict() == {"temperature": 0.2, "max_tokens": 500}
    configured = generated.ask("components.component_list").configured
    assert {"comp_transformer_html": "html"}.items() <= {
        row.id: row.config.format_ for row in configured if isinstance(row, models.ConfiguredTransformer)
    }.items()
    refused = models.AiGeneratorStep(component="ai_generator", config=models.AiGeneratorConfig(temperature=3))
    answer = generated.part("api.contexts.context_create").sync_detailed(
        client=generated.client, body=models.ContextSubmission(type_="article", pipeline=[refused])
    )
    assert (answer.parsed.type_, answer.parsed.errors[0].path) == (
        models.ProblemType.INVALID_INPUT,
        "/pipeline/0/config/temperature",
    )


def test_a_failed_context_is_retried_and_a_refusal_is_a_problem(generated: Generated):
    wrong = generated.submission(data={"title": "Ours", "template_id": "tmpl_nope"})
    failed = generated.ask("contexts.context_create", body=wrong, wait=30)
    assert (failed.status, failed.error.type_) == ("failed", "template_not_found")
    retry = generated.models.RetryRequest.from_dict({"from": "start", "data": {"template_id": None}})
    generated.ask("contexts.context_retry", failed.id, body=retry)
    assert generated.ask("contexts.context_get", failed.id, wait=30).status == "completed"
    cancel = generated.part("api.contexts.context_cancel").sync_detailed(
        failed.id, client=generated.client, body=generated.models.NoRequest()
    )
    assert cancel.status_code == 409
    assert cancel.parsed.type_ == "/problems/conflict"


def test_a_batch_is_submitted_and_followed_to_its_end(generated: Generated):
    bulk = generated.models.BulkSubmission.from_dict({"contexts": [generated.submission().to_dict()] * 3})
    accepted = generated.ask("batches.contexts_bulk", body=bulk)

    def ended() -> Any:
        batch = generated.ask("batches.batch_get", accepted.batch_id)
        return batch if batch.status != "processing" else None

    batch = wait_until(ended, seconds=60, what="the batch has ended")
    assert (batch.status, batch.counts.completed, batch.failed_ids) == ("completed", 3, [])
