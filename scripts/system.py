"""What setting up the services of the tests asks of this machine: packages, free ports, and an end with their parent."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess

INSTALL_TIMEOUT = 300.0  # seconds


def apt_install(*packages: str) -> str | None:
    """Install Debian's *packages*; return None, or in one line why that could not be done."""
    names = " ".join(packages)
    if shutil.which("apt-get") is None:
        return f"there is no apt-get to install {names} with"
    if os.geteuid() != 0:
        return f"as root: apt-get install {names}"
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *packages]):
        try:
            done = subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True, timeout=INSTALL_TIMEOUT)
        except subprocess.TimeoutExpired:
            return f"`apt-get {' '.join(arguments)}` took more than {INSTALL_TIMEOUT:.0f} s"
    if done.returncode == 0:  # of the update only half may have failed, and the packages be known all the same
        return None
    lines = (done.stderr or done.stdout).strip().splitlines()
    return f"`apt-get {' '.join(arguments)}` failed: {lines[-1] if lines else 'no output'}"


def free_ports(count: int) -> list[int]:
    """Return *count* distinct ports of 127.0.0.1 on which nothing listens now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def with_parent() -> list[str]:
    """Prefix of a command that has the kernel kill it when its parent dies, where util-linux has the means."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []
