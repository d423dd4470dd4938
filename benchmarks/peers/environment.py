"""The virtual environment of the peers, and the database servers that they run on."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.variables import MODEL_URL, STORE_URL
from benchmarks.processes import ROOT, Child, Missing, say, wait_until
from config.listening import free_port

REQUIREMENTS = (ROOT / "requirements.txt", Path(__file__).with_name("requirements-peers.txt"))
FOLDER = ROOT / "var" / "bench-peers"
STAMP = FOLDER / "installed.txt"
DEBIAN_POSTGRES = "usr/lib/postgresql/*/bin"
POSTGRES_USER = "postgres"
START_SECONDS = 30.0


def peers_python() -> Path:
    """Return the Python of the peers' virtual environment, made where it is not there or not as it should be.

    Raises:
        Missing: it cannot be made.
    """
    python = FOLDER / "bin" / "python"
    wanted = _packages()
    if python.exists() and STAMP.exists() and STAMP.read_text(encoding="utf-8").splitlines() == wanted:
        return python
    say(f"installing the peers into {FOLDER} (a minute, the first time)")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    for command in ([sys.executable, "-m", "venv", "--clear", str(FOLDER)], pip):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Missing(f"{' '.join(command[:4])} failed: {done.stderr.strip()[-300:]}")
    STAMP.write_text("\n".join(wanted), encoding="utf-8")
    return python


def _packages() -> list[str]:
    """Return what to install: the components need Draftline's packages, but its constraints cannot be kept."""
    lines = [line.strip() for path in REQUIREMENTS for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "-"))]


@dataclass(frozen=True)
class Store:
    """A database server that runs for one measurement.

    Args:
        url: its address, as its clients take it.
    """

    url: str


@contextmanager
def redis(folder: Path) -> Iterator[Store]:
    """Run a Redis that appends every write to a file and synchronises it each second, its default with a log.

    Raises:
        Missing: it is not installed.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise Missing("Redis is not installed: apt-get install redis-server")
    port = free_port("127.0.0.1", 0)
    folder.mkdir()
    options = {"port": port, "bind": "127.0.0.1", "dir": folder, "appendonly": "yes", "save": ""}
    command = [program, *(part for name, value in options.items() for part in (f"--{name}", str(value)))]
    with _running(command, folder) as server:
        wait_until(lambda: _listens(server, port), seconds=START_SECONDS, what="Redis listens")
        yield Store(f"redis://127.0.0.1:{port}/0")


@contextmanager
def postgres(folder: Path) -> Iterator[Store]:
    """Run a PostgreSQL with its own defaults, which synchronise every commit.

    Raises:
        Missing: it is not installed, or may not run as root.
    """
    programs = _postgres_programs()
    user = _unprivileged_user()
    folder.mkdir()
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    made = subprocess.run(
        [programs / "initdb", "-D", data, "-A", "trust", "-U", "bench", "-E", "UTF8"],
        user=user,
        capture_output=True,
        text=True,
        cwd="/",
    )
    if made.returncode:
        raise Missing(f"initdb failed: {made.stderr.strip()[-300:]}")
    port = free_port("127.0.0.1", 0)
    options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "max_connections": 200}
    command = [str(programs / "postgres"), "-D", str(data)]
    command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with _running(command, folder, user=user) as server:
        wait_until(lambda: _is_ready(server, programs, port), seconds=START_SECONDS, what="PostgreSQL is ready")
        yield Store(f"postgresql://bench@127.0.0.1:{port}/postgres")


@contextmanager
def _running(command: list[str], folder: Path, *, user: str | None = None) -> Iterator[Child]:
    server = Child(command, environment=os.environ, log=folder.parent / f"{folder.name}.log", user=user)
    try:
        yield server
    finally:
        server.stop()


def _postgres_programs() -> Path:
    debian = sorted(Path("/").glob(DEBIAN_POSTGRES), key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("postgres")
    folders = [*([Path(on_path).resolve().parent] if on_path else []), *reversed(debian)]
    found = next((folder for folder in folders if (folder / "initdb").exists()), None)
    if found is None:
        raise Missing("PostgreSQL is not installed: apt-get install postgresql")
    return found


def _unprivileged_user() -> str | None:
    """Return whom PostgreSQL runs as: it refuses to be root. None: as we are."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam(POSTGRES_USER).pw_name
    except KeyError as exc:
        raise Missing(
            "PostgreSQL does not run as root, and there is no user postgres: run this as another user"
        ) from exc


def _is_ready(server: Child, programs: Path, port: int) -> bool:
    server.check_alive()
    asked = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(asked).returncode == 0


def _listens(server: Child, port: int) -> bool:
    server.check_alive()
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def environment_for(store: Store, model_url: str) -> Mapping[str, str]:
    """Return the environment of a peer's processes."""
    return {**os.environ, STORE_URL: store.url, MODEL_URL: model_url, "PYTHONPATH": str(ROOT)}
