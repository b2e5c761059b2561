"""A command line that cannot be understood, in one line with the nearest name."""

from __future__ import annotations

import re

import typer

_CHOICE = re.compile(r"Invalid value for (?P<place>.+?): (?:Value error, )?'(?P<given>.*)' is not one of (?P<known>.+)")
_COMMAND = re.compile(r"No such command '(?P<given>.*?)'\.?.*")
_OPTION = re.compile(r"No such option: (?P<given>\S+?)\.?(?: .*)?")


def said(error: typer.TyperException) -> str:
    """What is wrong, what was expected, and where the help is."""
    from fairprune.errors import unknown

    context = getattr(error, "ctx", None)
    text = " ".join(error.format_message().split())
    if found := _CHOICE.fullmatch(text):
        text = unknown(f"value of {found['place']}", found["given"], re.findall(r"'([^']*)'", found["known"]))
    elif found := _COMMAND.fullmatch(text):
        text = unknown("command", found["given"], getattr(getattr(context, "command", None), "commands", ()))
    elif found := _OPTION.fullmatch(text):
        known = [name for option in context.command.params for name in option.opts] if context else []
        text = unknown("option", found["given"], (name for name in known if name.startswith("-")))
    where = f"; see `{context.command_path} --help`" if context else ""
    return text.removesuffix(".") + where
