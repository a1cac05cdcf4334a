"""``init-env``: what an installation needs before its first start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ops.commands.common import stop
from ops.environment_file import environment_text, write_new
from ops.exit_codes import EXIT_FAILED
from ops.terminal import say

__all__ = ["init_env"]


def init_env(
    *,
    output: Annotated[
        Path, typer.Option(help="File to write, - for standard output; one that is there is left alone.")
    ] = Path(".env"),
) -> None:
    """Write a .env with generated secrets and every setting, readable for its owner only."""
    if str(output) == "-":
        # not by `say`: its secrets are what is asked for
        typer.echo(environment_text(), nl=False)
        return
    try:
        write_new(output, environment_text())
    except FileExistsError:
        stop(
            EXIT_FAILED,
            f"{output} is there already and is left as it is: move it away, or choose another --output",
        )
    except OSError as error:
        stop(EXIT_FAILED, f"{output} cannot be written: {os.strerror(error.errno or 0)}")
    say(f"{output} written, with new secrets; only its owner may read it")
