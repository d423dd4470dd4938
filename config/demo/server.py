"""The demo's server: ``manage.py serve`` as a process below this one, with its log in a file."""

import os
import subprocess
import sys
import time
from pathlib import Path

import requests

from config.supervisor import STOP_SECONDS, ends_with_parent

READY_SECONDS = 90.0
LOOK_SECONDS = 0.1
ANSWER_SECONDS = 5.0
STOP_MARGIN_SECONDS = 5.0
TAIL_LINES = 20


def local_session() -> requests.Session:
    """Return a session for our own server: no proxy and no .netrc of the user comes between."""
    session = requests.Session()
    session.trust_env = False
    return session


class ServerFailed(Exception):
    """The server did not come up, or died; the message says so and quotes the end of its log."""


class DemoServer:
    """Web server and workers of one demo.

    Args:
        environment: what the server's settings are read from.
    """

    def __init__(self, *, manage: Path, url: str, log: Path, environment: dict[str, str]) -> None:
        self.url = url
        self.log = log
        self._manage = manage
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._session = local_session()

    def start(self) -> None:
        """Start it in a session of its own: Ctrl-C reaches the demo alone, which then stops it in order."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                [sys.executable, str(self._manage), "serve"],
                cwd=self._manage.parent,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=ends_with_parent(),
            )

    def wait_ready(self) -> None:
        """Return when /readyz answers 200.

        Raises:
            ServerFailed: it died, or was not ready in time.
        """
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            self.check_alive()
            if time.monotonic() > deadline:
                raise self.failure(f"The server was not ready within {READY_SECONDS:g} s.")
            time.sleep(LOOK_SECONDS)

    def _is_ready(self) -> bool:
        try:
            return self._session.get(f"{self.url}/readyz", timeout=ANSWER_SECONDS).ok
        except requests.RequestException:
            return False

    def failure(self, what: str) -> ServerFailed:
        """Return an error that says what is wrong and quotes the end of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        return ServerFailed("\n".join([f"{what} The end of {self.log}:", *(f"  {line}" for line in lines)]))

    def check_alive(self) -> None:
        """Return if the server runs.

        Raises:
            ServerFailed: it has died.
        """
        if self._process is None or self._process.poll() is not None:
            raise self.failure("The server has ended.")

    def stop(self) -> None:
        """Stop web server and workers in order; kill what does not stop."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS + STOP_MARGIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait(self) -> None:
        """Return when the server ends."""
        if self._process is not None:
            self._process.wait()
