"""What the other systems run is Draftline's own work, and needs no Django."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = """
import json
from benchmarks import work
from benchmarks.peers.steps import STEPS, run_blocking, run_step
from components.providers.offline import OfflineProvider

data = work.context(1)["data"]
for name in STEPS:
    data = run_blocking(run_step(name, "context", data, OfflineProvider()))
print(json.dumps(data))
"""


def test_three_components_run_where_django_is_not_set_up():
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-c", WORK], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["template"]["id"] == "tmpl_article_technical"
    assert "# Example Article 1" in data["formatted_content"]["content"]
