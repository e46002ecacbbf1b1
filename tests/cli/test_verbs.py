from pathlib import Path

import click

from nova_async import cli
from nova_async.cli.app import VERBS, app
from nova_async.cli.command import Verb


def test_every_verb_has_a_module_with_a_command_and_examples() -> None:
    for verb in VERBS:
        command = app.get_command(click.Context(app), verb)
        assert isinstance(command, Verb)
        assert command.name == verb
        assert all(example.split()[0] == verb for example in command.examples)


def test_every_module_with_a_command_is_a_verb() -> None:
    folder = Path(cli.__file__).parent
    modules = {path.stem for path in folder.glob("*.py") if "\n@click.command(" in path.read_text(encoding="utf-8")}
    assert modules == set(VERBS)
