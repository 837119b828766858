"""``doctor`` and ``health``: is everything there, and does a worker live."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import asdict
from typing import Annotated

import typer

from dateline import compose
from dateline.output import AsJson, show
from stream.errors import ConfigError, TransientError
from stream.settings import load_settings

HEALTH_TIMEOUT = 5.0  # seconds
EVERY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104  compared with, not listened on

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # past any HTTP_PROXY of the environment


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command()(doctor)
    app.command()(health)


def doctor(as_json: AsJson = False) -> None:
    """Check broker, topics, database, migrations, clock, pipeline and disk; exit code 1 where something has to be done.

    Example: dateline doctor
    """
    from dateline.doctor import Patient, examine, failed

    settings = load_settings()
    broker, engine = compose.open_broker(settings), compose.open_engine(settings)
    try:
        findings = examine(Patient(settings, broker, engine))
    finally:
        broker.close()
        engine.dispose()
    show([asdict(finding) for finding in findings], ("check", "state", "detail", "remedy"), as_json=as_json, as_csv=False)
    if failed(findings):
        raise typer.Exit(1)


def health(
    ready: Annotated[bool, typer.Option("--ready", help="Ask whether it is ready (/readyz), not whether it is alive (/livez).")] = False,
    metrics_port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Where the worker answers; DATELINE_METRICS_PORT.")] = None,
) -> None:
    """Ask a worker of this machine whether it is alive; exit code 1 where it is not, for container health checks.

    Example: dateline health --metrics-port 9100
    """
    settings = load_settings()
    port = metrics_port or settings.metrics_port
    if not port:
        raise ConfigError("no port to ask: give --metrics-port or set DATELINE_METRICS_PORT, as for the worker")
    host = "127.0.0.1" if settings.metrics_host in EVERY_ADDRESS else settings.metrics_host
    url = f"http://{host}:{port}/{'readyz' if ready else 'livez'}"
    try:
        with _DIRECT.open(url, timeout=HEALTH_TIMEOUT) as answer:
            typer.echo(answer.read().decode(), nl=False)
    except urllib.error.HTTPError as e:
        typer.echo(e.read().decode(), nl=False, err=True)
        raise typer.Exit(1) from e
    except OSError as e:
        raise TransientError(f"no worker answers at {url} ({getattr(e, 'reason', e)})") from e
