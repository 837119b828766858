"""The command line: every command has help with an example, a clear error with the remedy, and never a traceback."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated

import typer

from dateline import __version__
from dateline.commands import annotate, demo, feeds, letters, operate, query, reannotate, remove, watch, workers
from stream.errors import ConfigError, DatelineError, StageStopped
from stream.settings import load_settings

EXIT_FAILED, EXIT_USAGE, EXIT_STOPPED = 1, 2, 3

app = typer.Typer(
    name="dateline",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="News feeds in; a database of who did what to whom, when and where, out.\n\nA first look: dateline demo",
)
for family in (feeds.app, query.app, operate.topics_app, letters.app, operate.gaps_app, operate.db_app, remove.erase_app):
    app.add_typer(family)
for commands in (workers, annotate, reannotate, operate, watch, remove, demo):
    commands.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dateline {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")] = False,
) -> None:
    """Settings come from DATELINE_… variables and dateline.toml; `dateline config` lists them."""


def main() -> None:
    """Run the command line; a known error is one line on standard error and exit code 1, 2 (bad input) or 3 (stage stopped)."""
    try:
        app()
    except ConfigError as e:
        _end(str(e), EXIT_USAGE)
    except StageStopped as e:
        _end(str(e), EXIT_STOPPED)
    except DatelineError as e:
        _end(str(e), EXIT_FAILED)
    except KeyboardInterrupt:
        _end("interrupted", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILED)
    except OSError as e:
        _end(f"{e.filename or 'a file'}: {e.strerror or e}", EXIT_FAILED)
    except Exception as e:
        if load_settings().log_level == "debug":
            traceback.print_exc()
        _end(f"unexpected error: {type(e).__name__}: {e} (DATELINE_LOG_LEVEL=debug shows where)", EXIT_FAILED)


def _end(message: str, code: int) -> None:
    printable = "".join(character if character.isprintable() else " " for character in message)  # a terminal obeys the others
    typer.echo(f"dateline: {' '.join(printable.split())}", err=True)
    sys.exit(code)
