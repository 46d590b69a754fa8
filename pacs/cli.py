"""The command `filmless`.

Exit status: 0 done, 1 something was refused or failed (one line each on stderr), 2 wrong usage.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from pacs.commands import bring, check, demo, nodes, peer_test, people, serve
from pacs.config import read_config
from storage.errors import StorageError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="FILMLESS_CONFIG",
    help='A TOML file with options of any command, such as `data = "/srv/filmless"`. [default: filmless.toml]',
)
@click.version_option(package_name="filmless", prog_name="filmless")
@click.pass_context
def filmless(context: click.Context, config: Path | None) -> None:
    """Filmless: a small PACS with which a hospital stops printing film.

    Each option may also be set by the environment (FILMLESS_DATA and so on) or in filmless.toml; a flag goes before the
    environment, the environment before the file.
    """
    settings = read_config(config)
    context.default_map = _defaults(filmless, settings)


def _defaults(group: click.Group, settings: dict[str, Any]) -> dict[str, Any]:
    """Give every command the settings of the file, those below a group too."""
    return {
        name: _defaults(command, settings) if isinstance(command, click.Group) else settings
        for name, command in group.commands.items()
    }


nodes.peer.add_command(peer_test.peer_test)
for command in (
    demo.demo,
    serve.serve,
    bring.import_,
    check.verify_,
    check.reindex_,
    people.user,
    people.token,
    nodes.peer,
    nodes.certificate,
):
    filmless.add_command(command)


def main() -> None:
    """Run the command line; an error of the archive is one line, never a trace."""
    try:
        filmless()
    except StorageError as e:
        print(f"filmless: {e}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
