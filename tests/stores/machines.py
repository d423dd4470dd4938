"""Hosts of their own on this one: Linux namespaces for network, processes and name, each on a cable that can be pulled.

What runs here in the tests' own namespace (the stores, the model server) is reached at `Network.address`. It needs
root and iproute2; where that is not to be had, `why_not` says so.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Self

import psutil

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 20.0
PATIENCE_SECONDS = 10.0


def why_not() -> str:
    """Return why there can be no namespaces here; empty where they can."""
    if not sys.platform.startswith("linux") or not shutil.which("ip"):
        return "needs Linux and iproute2 (ip)"
    tried = subprocess.run(["ip", "netns", "exec", "none", "true"], capture_output=True, text=True)
    if os.geteuid() != 0 or "not permitted" in tried.stderr:
        return "needs root, to make network namespaces"
    done = subprocess.run(["unshare", "--net", "--pid", "--uts", "--fork", "true"], capture_output=True, text=True)
    return "" if done.returncode == 0 else f"namespaces are not allowed here: {done.stderr.strip()}"


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=10)


class Machine:
    """One host. Its processes see no others; its network is one cable to the tests' own host.

    Args:
        prefix: the first two bytes of all addresses, such as "10.101".
    """

    def __init__(self, name: str, number: int, prefix: str) -> None:
        self.name = name
        self.address = f"{prefix}.{number}.2"
        self._here = f"{prefix}.{number}.1"
        self._space = f"draftline-{os.getpid()}-{name}"
        self._cable = f"dl{os.getpid()}{number}"  # at most 15 characters

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:
            ip("netns", "add", self._space)
            cleanup.callback(ip, "netns", "delete", self._space)  # which takes the cable along
            ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self._space)
            ip("addr", "add", f"{self._here}/30", "dev", self._cable)
            ip("link", "set", self._cable, "up")
            ip("-n", self._space, "link", "set", "lo", "up")
            ip("-n", self._space, "addr", "add", f"{self.address}/30", "dev", "eth0")
            ip("-n", self._space, "link", "set", "eth0", "up")
            ip("-n", self._space, "route", "add", "default", "via", self._here)
            # known for good, as behind a router: else a cut would be noticed, as "no route to host"
            hardware = Path(f"/sys/class/net/{self._cable}/address").read_text().strip()
            ip("-n", self._space, "neigh", "add", self._here, "lladdr", hardware, "dev", "eth0", "nud", "permanent")
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, *args: object) -> None:
        self._cleanup.close()

    def cut(self) -> None:
        """Pull the cable: what it sends vanishes, and nobody tells either side."""
        ip("link", "set", self._cable, "down")

    def heal(self) -> None:
        ip("link", "set", self._cable, "up")

    def start(self, command: Sequence[str], *, environment: Mapping[str, str], log: IO[str]) -> "Program":
        """Start a program there, as the first process of process ids of its own, as in a container."""
        apart = ["unshare", "--pid", "--uts", "--fork", "--mount-proc", "--kill-child"]
        named = ["sh", "-c", 'hostname "$0" && exec "$@"', self.name, *command]
        process = subprocess.Popen(
            ["ip", "netns", "exec", self._space, *apart, *named],
            cwd=ROOT,
            env=dict(environment),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        return Program(process)


class Program:
    """A program that was started on a machine; use it as a context manager, which ends it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.stop()

    def stop(self) -> int:
        """Send SIGTERM to the program alone, as a container's engine does; return its exit code."""
        for first in psutil.Process(self.process.pid).children() if self.process.poll() is None else ():
            first.terminate()
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()  # and everything on that machine with it
            return self.process.wait(PATIENCE_SECONDS)


class Network:
    """Some machines, and an address of this host that all of them reach."""

    def __init__(self, *names: str) -> None:
        prefix = f"10.{100 + os.getpid() % 100}"
        self.address = f"{prefix}.0.1"
        self.machines = [Machine(name, number, prefix) for number, name in enumerate(names, start=1)]

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:
            ip("addr", "add", f"{self.address}/32", "dev", "lo")
            cleanup.callback(ip, "addr", "delete", f"{self.address}/32", "dev", "lo")
            for machine in self.machines:
                cleanup.enter_context(machine)
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, *args: object) -> None:
        self._cleanup.close()
