"""`filmless user` and `filmless token`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pacs.config import data_option
from storage.records import Records, Role

_role = click.option("--role", required=True, type=click.Choice([r.value for r in Role]), help="What the user may do.")
_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input, one line.")


@click.group()
def user() -> None:
    """People who sign in."""


@user.command("add")
@click.argument("name")
@_role
@_stdin
@data_option
def user_add(name: str, role: str, password_stdin: bool, data: Path) -> None:
    """Add a user; asks for the password twice unless it comes on standard input."""
    password = _password(password_stdin)
    with Records.open(data) as records:
        records.users.add(name, Role(role), password)
    click.echo(f"user {name} added as {role}")


@user.command("password")
@click.argument("name")
@_stdin
@data_option
def user_password(name: str, password_stdin: bool, data: Path) -> None:
    """Give a user another password; signs the user out everywhere."""
    password = _password(password_stdin)
    with Records.open(data) as records:
        records.users.set_password(name, password)
    click.echo(f"password of {name} changed")


@user.command("disable")
@click.argument("name")
@data_option
def user_disable(name: str, data: Path) -> None:
    """Keep a user from signing in."""
    with Records.open(data) as records:
        records.users.set_disabled(name, True)
    click.echo(f"user {name} may not sign in any more")


@user.command("list")
@data_option
def user_list(data: Path) -> None:
    """List all users."""
    with Records.open(data) as records:
        for u in records.users.list():
            click.echo("\t".join([u.name, u.role.value, *(["disabled"] if u.disabled else [])]))


@click.group()
def token() -> None:
    """API tokens for programs."""


@token.command("add")
@click.argument("name")
@_role
@data_option
def token_add(name: str, role: str, data: Path) -> None:
    """Make an API token and print it, once; send it as `Authorization: Bearer TOKEN`."""
    with Records.open(data) as records:
        click.echo(records.tokens.add(name, Role(role)))


@token.command("revoke")
@click.argument("name")
@data_option
def token_revoke(name: str, data: Path) -> None:
    """End a token's use at once."""
    with Records.open(data) as records:
        records.tokens.revoke(name)
    click.echo(f"token {name} revoked")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
