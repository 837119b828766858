"""A throw-away Postgres from the system's packages, for tests, benchmarks and kill tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from scripts.system import apt_install, free_ports

BINARIES = Path("/usr/lib/postgresql")  # where Debian and Ubuntu keep them, one folder per major version
MIN_MAJOR = 15
SYSTEM_USER = "postgres"
START_TIMEOUT = 30.0  # seconds


def binaries() -> Path | None:
    """Return the folder with ``initdb`` and ``postgres`` of the newest version that is new enough, or None."""
    found = [path.parent for path in BINARIES.glob("*/bin/initdb") if path.parts[-3].isdigit() and int(path.parts[-3]) >= MIN_MAJOR]
    if found:
        return max(found, key=lambda path: int(path.parts[-2]))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def ensure() -> str | None:
    """Make sure that Postgres can be started here; return None when it can, else the plain reason.

    Installs Debian's package where that is possible (root, apt-get); touches nothing else.
    """
    if binaries() is None and (reason := _install()):
        return reason
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        return "Postgres refuses to run as root, and there is no runuser to start it as another user"
    return None


def _install() -> str | None:
    if reason := apt_install("postgresql"):
        return f"Postgres {MIN_MAJOR} or newer is not installed; {reason}"
    return None if binaries() else f"Debian's package `postgresql` brings no Postgres {MIN_MAJOR} or newer"


class PostgresServer:
    """A cluster of its own in a temporary folder, on a free port of 127.0.0.1; superuser ``postgres``, no password.

    *durable* False turns fsync off: quicker, and still safe against the death of a process, though not of the machine.
    The temporary folder is made in *parent*, which the system's user for Postgres has to be able to enter, where one is given.
    *settings* are Postgres's own.
    """

    def __init__(self, *, durable: bool = False, parent: Path | None = None, settings: Mapping[str, str] | None = None) -> None:
        folder = binaries()
        if folder is None:
            raise RuntimeError("Postgres is not installed: call ensure() first")
        self._bin, self._durable = folder, durable
        self._settings = dict(settings or {})
        self._home = Path(tempfile.mkdtemp(prefix="dateline-postgres-", dir=parent))
        self._data = self._home / "data"
        (self.port,) = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> PostgresServer:
        """Start the server, making the cluster the first time; return when it answers."""
        if not self._data.exists():
            self._create()
        command = [str(self._bin / "postgres"), "-D", str(self._data), *self._options()]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(self._as_user(command), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/")
        self._wait_until_up()
        return self

    def stop(self, mode: str = "fast") -> None:
        """Stop the server as ``pg_ctl`` does: smart, fast or immediate. Does nothing where it does not run."""
        wanted = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode]
        self._end(wanted)

    def kill9(self) -> None:
        """Kill the postmaster and every backend with SIGKILL, as if they had crashed together."""
        self._end(signal.SIGKILL)

    def restart(self, mode: str = "fast") -> None:
        """Stop and start again on the same port with the same data."""
        self.stop(mode)
        self.start()

    def close(self) -> None:
        """Stop the server and delete the cluster. May be called twice."""
        self.stop("immediate")
        shutil.rmtree(self._home, ignore_errors=True)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of *database*."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database, a copy of *template* where given (nobody may be connected to it), and return its URL."""
        source = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.Composed([])
        self._administer(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)) + source)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, closing the connections to it."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def _create(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self._home, SYSTEM_USER, SYSTEM_USER)
        command = [
            str(self._bin / "initdb"),
            "-D",
            str(self._data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-N",
        ]
        done = subprocess.run(self._as_user(command), capture_output=True, text=True, cwd="/")
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed: {done.stderr.strip()}")

    def _options(self) -> list[str]:
        settings = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": str(self._home), **self._settings}
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}  # commits still reach the system's cache before they are answered
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _as_user(self, command: list[str]) -> list[str]:
        return ["runuser", "-u", SYSTEM_USER, "--", *command] if os.geteuid() == 0 else command

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=5).close()
                return
            except psycopg.OperationalError as e:
                dead = self._process is None or self._process.poll() is not None
                if dead or time.monotonic() > deadline:
                    log = (self._home / "log").read_text(errors="replace").strip().splitlines()[-5:]
                    raise RuntimeError(f"Postgres did not come up: {e}; its log ends: {log}") from e
                time.sleep(0.05)

    def _end(self, wanted: signal.Signals) -> None:
        if self._process is None:
            return
        pids = self._pids()
        for pid in pids if wanted == signal.SIGKILL else pids[:1]:
            _signal(pid, wanted)
        try:
            self._process.wait(timeout=START_TIMEOUT)
        except subprocess.TimeoutExpired:
            for pid in self._pids():
                _signal(pid, signal.SIGKILL)
            self._process.wait(timeout=START_TIMEOUT)
        _wait_until_gone(pids)
        self._process = None

    def _pids(self) -> list[int]:
        """The postmaster, then its children; empty when it is gone."""
        try:
            postmaster = int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return []
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children")
        try:
            return [postmaster, *map(int, children.read_text().split())]
        except OSError:
            return [postmaster]


def _signal(pid: int, wanted: signal.Signals) -> None:
    try:
        os.kill(pid, wanted)
    except ProcessLookupError:
        return


def _wait_until_gone(pids: list[int]) -> None:
    """A new postmaster refuses to start while a backend of the old one still holds the shared memory."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and any(_alive(pid) for pid in pids):
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
