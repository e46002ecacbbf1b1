"""A token: one line that makes an execution happen again.

It carries the version of its own format, which program, with which parameters, a fingerprint of the program's text,
the schedule, and a checksum. A long one is kept in a JSON file instead, which people can read, too.
"""

import inspect
import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from nova_async.errors import UsageError
from nova_async.explore.schedule import Schedule, Step

VERSION = "n1"
"""Of the short form; a token of another version is refused."""

SCHEMA = "nova.schedule/1"

SHORT = 2000
"""A token of more characters than this belongs into a file."""


def fingerprint_of(program: Callable[..., Any]) -> str:
    """Of the text of the module that a program is defined in; empty where there is none."""
    module = inspect.getmodule(program)
    try:
        text = inspect.getsource(module if module is not None else program)
    except (OSError, TypeError):
        return ""
    return blake2b(text.encode(), digest_size=4).hexdigest()


@dataclass(frozen=True, slots=True)
class Token:
    """What it takes to run one execution again.

    Attributes:
        program: its name, such as ``scenarios/x.py::race``.
        schedule: the choices.
        parameters: what the program was called with.
        fingerprint: see :func:`fingerprint_of`.
    """

    program: str
    schedule: Schedule
    parameters: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""

    def __str__(self) -> str:
        """The short form."""
        body = json.dumps(self._packed(), separators=(",", ":"), sort_keys=True).encode()
        packed = urlsafe_b64encode(zlib.compress(body, 9)).decode().rstrip("=")
        return f"{VERSION}.{packed}.{zlib.crc32(body):08x}"

    @classmethod
    def parse(cls, text: str) -> "Token":
        """Read the short form.

        Raises:
            UsageError: it is none, of another version, or damaged.
        """
        version, _, rest = text.strip().partition(".")
        packed, _, checksum = rest.rpartition(".")
        if version != VERSION:
            raise UsageError(f"token of version {version[:12]!r}; {VERSION!r} is what this version of nova_async reads")
        try:
            body = zlib.decompress(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
        except (BadBase64, ValueError, zlib.error):
            raise UsageError("token is damaged: it cannot be unpacked; was it copied in full?") from None
        if f"{zlib.crc32(body):08x}" != checksum:
            raise UsageError("token is damaged: its checksum is wrong; was it copied in full?")
        return cls._unpacked(json.loads(body))

    def to_json(self) -> str:
        """The long form, for a file."""
        steps = [{"task": step.task, "did": step.did, "runnable": list(step.runnable)} for step in self.schedule.steps]
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "program": self.program,
            "parameters": dict(self.parameters),
            "fingerprint": self.fingerprint,
            "steps": steps,
            "picks": [{"of": n, "value": value} for n, value in self.schedule.picks],
        }
        if self.schedule.endless:
            document["endless"] = True
        return json.dumps(document, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Token":
        """Read the long form.

        Raises:
            UsageError: it is none, or of another schema.
        """
        try:
            document = json.loads(text)
            schema = document["schema"]
        except (ValueError, KeyError, TypeError):
            raise UsageError(f"schedule file: no JSON document with a schema; {SCHEMA!r} was expected") from None
        if schema != SCHEMA:
            raise UsageError(f"schedule file of schema {schema!r}; {SCHEMA!r} was expected")
        steps = tuple(Step(step["task"], tuple(step["runnable"]), step["did"]) for step in document["steps"])
        picks = tuple((pick["of"], pick["value"]) for pick in document["picks"])
        schedule = Schedule(steps, picks, document.get("endless", False))
        return cls(document["program"], schedule, document["parameters"], document["fingerprint"])

    def changed(self, fingerprint: str) -> bool:
        """Whether the program is not the one that the token was made with, as far as can be told."""
        return bool(self.fingerprint and fingerprint) and self.fingerprint != fingerprint

    def _packed(self) -> list[Any]:
        """Names once; for every step its task, and the runnable ones as bits if they differ from the step before."""
        names: dict[str, int] = {}
        steps: list[Any] = []
        before: tuple[str, ...] = ()
        for step in self.schedule.steps:
            order = [names.setdefault(key, len(names)) for key in step.runnable]
            chosen = names[step.task]
            steps.append(chosen if step.runnable == before else [chosen, *order])
            before = step.runnable
        picks = [list(pick) for pick in self.schedule.picks]
        packed = [self.program, dict(self.parameters), self.fingerprint, list(names), steps, picks]
        return [*packed, True] if self.schedule.endless else packed

    @classmethod
    def _unpacked(cls, packed: list[Any]) -> "Token":
        program, parameters, fingerprint, names, entries, picks, *endless = packed
        steps: list[Step] = []
        runnable: tuple[str, ...] = ()
        for entry in entries:
            if isinstance(entry, list):
                entry, *order = entry
                runnable = tuple(names[number] for number in order)
            steps.append(Step(names[entry], runnable))
        schedule = Schedule(tuple(steps), tuple((n, value) for n, value in picks), bool(endless))
        return cls(program, schedule, parameters, fingerprint)
