"""A real Apache Kafka for tests and benchmarks: one KRaft node from the jars on Maven Central, without Docker.

``ensure`` fetches what is missing into the checkout's cache; ``KafkaServer`` runs a throw-away broker on loopback.
How the pieces were found and what they cost is written down in ``docs/kafka-for-tests.md``.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import re
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from scripts.system import apt_install, free_ports, with_parent

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".cache" / "kafka"
LIBS = CACHE / "libs"
COMPLETE = CACHE / "complete"  # the fingerprint of the pom.xml that filled LIBS
MIN_JAVA = 17  # Kafka 4 (KIP-1013)
START_TIMEOUT = 60.0  # seconds; about 4 on an idle machine
STOP_TIMEOUT = 10.0  # seconds, then SIGKILL
JAVA_OPTIONS = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


def ensure() -> str | None:
    """Make everything ready that ``KafkaServer`` needs; return None, or in one line why that could not be done."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _ensure_java() or _ensure_jars()


def missing() -> str | None:
    """Return in one line why ``KafkaServer`` cannot run here, None if it can; fetches nothing."""
    reason = _java_reason() or (None if _jars_are_complete() else "Kafka's jars are not here")
    return f"{reason}; `python -m scripts.test_services` fetches what is missing" if reason else None


def _ensure_java() -> str | None:
    if _tool_reason() is None:
        return None
    failed = apt_install("default-jre-headless", "maven")
    reason = _tool_reason()
    return f"{reason}; {failed}" if reason and failed else reason


def _tool_reason() -> str | None:
    return _java_reason() or (None if _jars_are_complete() or shutil.which("mvn") else "Maven is not installed")


def _java_reason() -> str | None:
    java = shutil.which("java")
    if java is None:
        return f"Java {MIN_JAVA} or newer is not installed"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    if found is None or int(found[1]) < MIN_JAVA:
        return f"Kafka needs Java {MIN_JAVA} or newer; `java -version` says {said.splitlines()[0] if said else 'nothing'}"
    return None


def _fingerprint() -> str:
    return hashlib.sha256((HERE / "pom.xml").read_bytes()).hexdigest()


def _jars_are_complete() -> bool:
    return COMPLETE.exists() and COMPLETE.read_text() == _fingerprint() and any(LIBS.glob("kafka_*.jar"))


def _ensure_jars() -> str | None:
    if _jars_are_complete():
        return None
    shutil.rmtree(LIBS, ignore_errors=True)
    command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
    with (CACHE / "maven.log").open("w") as log:
        done = subprocess.run([*command, "-DincludeScope=runtime", f"-DoutputDirectory={LIBS}"], stdout=log, stderr=log, check=False)
    if done.returncode != 0:
        return f"Maven could not fetch Kafka's jars (exit {done.returncode}; its words are in .cache/kafka/maven.log)"
    COMPLETE.write_text(_fingerprint())
    return None


class KafkaServer:
    """One broker on 127.0.0.1 whose data lives in *folder*; it dies with the process that started it.

    ``start`` returns when it answers. ``kill9`` and ``restart`` keep port and data. Raises RuntimeError, with the end of the
    server's log, if it does not come up.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._port, self._controller_port = free_ports(2)

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients."""
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        """The broker URL for ``connect_broker``."""
        return f"kafka://{self.bootstrap}"

    def start(self) -> None:
        """Format the data folder if it is new, run the server, and wait until it answers."""
        properties = self._folder / "server.properties"
        if not properties.exists():
            self._format(properties)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*with_parent(), *self._java(), "kafka.Kafka", str(properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait_until_it_answers(self._process)

    def kill9(self) -> None:
        """SIGKILL: what a crash or a lost machine looks like to clients."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Run it again on the same port and data, killed before or not."""
        self.kill9()
        self.start()

    def stop(self) -> None:
        """End it; may be called twice."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT)
        self.kill9()

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    def _java(self) -> list[str]:
        # Native libraries (zstd, snappy) are unpacked into the temporary folder and run from there.
        options = [f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}", f"-Djava.io.tmpdir={self._folder / 'tmp'}"]
        return ["java", *JAVA_OPTIONS, *options, "-cp", f"{LIBS}/*"]

    def _format(self, properties: Path) -> None:
        data = self._folder / "data"
        for folder in (data, self._folder / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        template = (HERE / "server.properties").read_text()
        filled = template.replace("{port}", str(self._port)).replace("{controller_port}", str(self._controller_port))
        properties.write_text(filled.replace("{data}", str(data)))
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        done = subprocess.run(
            [*self._java(), "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", str(properties)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"Kafka's data folder could not be formatted: {done.stdout}{done.stderr}")

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"Kafka ended with {process.returncode}: {self._log_tail()}")
            if _answers(self.bootstrap):
                return
            time.sleep(0.1)
        self.kill9()
        raise RuntimeError(f"Kafka did not answer within {START_TIMEOUT:.0f} s: {self._log_tail()}")

    def _log_tail(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]


@contextlib.contextmanager
def kafka_server(folder: Path) -> Iterator[KafkaServer]:
    """Run a broker for the length of a block; *folder* may be removed afterwards."""
    server = KafkaServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _answers(bootstrap: str) -> bool:
    """Whether the broker has a controller and takes requests; its log is not read, its words change between versions."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    host, _, port = bootstrap.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
        with KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=1000, request_timeout_ms=2000) as admin:
            return bool(admin.describe_cluster()["brokers"])
    except (OSError, KafkaError):
        return False
