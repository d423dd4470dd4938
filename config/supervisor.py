"""Keeps a few processes running until it is told to stop. Knows no Django: small, without threads, safe to fork.

Each program runs in a session of its own. Only its first process is signalled: django-q2's parent hangs where the
whole group gets SIGTERM. Whatever such a process leaves behind when it dies is killed with its group, so that what
is started afterwards never works beside its own ghosts.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

STOP_SECONDS = 10.0
LOOK_SECONDS = 0.05
# A process that lived this long was well; one that keeps dying earlier is started with growing pauses.
STABLE_SECONDS = 10.0
PAUSES_SECONDS = (0.0, 0.1, 0.3, 0.6, 1.0)
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    """What to keep running.

    Args:
        pass_fds: open files that the process inherits, such as a listening socket.
    """

    name: str
    command: tuple[str, ...]
    pass_fds: tuple[int, ...] = ()


def say_on_stderr(line: str) -> None:
    """Write a line for whoever watches the server."""
    sys.stderr.write(f"server: {line}\n")
    sys.stderr.flush()


def ends_with_parent() -> Callable[[], None]:
    """Return a ``preexec_fn`` that makes the kernel send SIGTERM to a child whose parent dies, however it dies.

    Linux only; elsewhere it does nothing. Source: https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html
    """
    if not sys.platform.startswith("linux"):
        return lambda: None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def before_exec() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the kernel knew our wish
            os._exit(1)

    return before_exec


class Child:
    """One program and the process that runs it now."""

    def __init__(self, program: Program, say: Callable[[str], None]) -> None:
        self.program = program
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_due_at = 0.0
        self._early_ends = 0

    def look(self) -> bool:
        """Tell whether the process lives; one that has ended is reaped, and what it left behind is killed."""
        process = self._process
        if process is None:
            return False
        if process.poll() is None:
            return True
        self._process = None
        _kill_group(process.pid)
        self._note_end(process)
        return False

    def keep_running(self) -> None:
        """Start the process where there is none and its pause is over."""
        if not self.look() and time.monotonic() >= self._start_due_at:
            self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own command line
            self.program.command,
            stdin=subprocess.DEVNULL,
            pass_fds=self.program.pass_fds,
            start_new_session=True,
            preexec_fn=ends_with_parent(),
        )
        self._started_at = time.monotonic()
        self._say(f"{self.program.name} runs as process {self._process.pid}")

    def _note_end(self, process: "subprocess.Popen[bytes]") -> None:
        now = time.monotonic()
        self._early_ends = 0 if now - self._started_at >= STABLE_SECONDS else self._early_ends + 1
        pause = PAUSES_SECONDS[min(max(self._early_ends - 1, 0), len(PAUSES_SECONDS) - 1)]
        self._start_due_at = now + pause
        self._say(f"{self.program.name} (process {process.pid}) ended with {_ending(process.returncode)}")

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the process alone."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """End the process and everything below it at once."""
        process = self._process
        if process is None:
            return
        self._say(f"{self.program.name} (process {process.pid}) did not stop in time; killing it")
        _kill_tree(process.pid)
        process.wait()
        self.look()


class Supervisor:
    """Starts programs, restarts those that die, and stops them all when it gets a signal.

    Args:
        stop_seconds: how long they may take to stop before they are killed.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        stop_seconds: float = STOP_SECONDS,
        say: Callable[[str], None] = say_on_stderr,
    ) -> None:
        self._children = [Child(program, say) for program in programs]
        self._stop_seconds = stop_seconds
        self._say = say
        self._is_stopping = False

    def run(self) -> int:
        """Run until SIGTERM, SIGINT or SIGHUP; return the exit code."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._note_signal)
        try:
            while not self._is_stopping:
                for child in self._children:
                    child.keep_running()
                time.sleep(LOOK_SECONDS)
        finally:
            self._stop()
        return 0

    def _note_signal(self, number: int, frame: object) -> None:
        self._is_stopping = True

    def _stop(self) -> None:
        self._say("stopping")
        for child in self._children:
            child.ask_to_stop()
        deadline = time.monotonic() + self._stop_seconds
        while any(child.look() for child in self._children) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        for child in self._children:
            child.kill()
        self._say("stopped")


def _ending(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    with suppress(ValueError):
        return signal.Signals(-returncode).name
    return f"signal {-returncode}"


def _kill_tree(pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for victim in [*process.children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess):
                victim.kill()


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
