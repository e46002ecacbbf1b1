"""The litmus notation, from text to steps.

The grammar, with blanks between steps::

    litmus   = sequence { ";" sequence }
    sequence = { step | "{" context ":" sequence "}" }
    step     = ["?"] ("E" | "R" | "r") "(" lock ")"  |  "spin" "(" lock ")"
             | "-" name  |  "reinit" "(" name ")"  |  "free" "(" name ")"
             | "alloc" "(" mask ")"  |  "wait"  |  "point" "(" name ")"  |  "end"
             | "open" "(" name ")"  |  "L" "(" name ["," name] ")"  |  "slow" "(" name "," name ")"
             | "done" "(" name ")"  |  "fini" "(" name ")"
    lock     = name ["/" digit] ["nest" name]
    name     = letters [digits]
"""

import re
from dataclasses import dataclass

from nova_async.errors import UsageError
from nova_async.lockdep.gfp import MASKS

_TOKEN = re.compile(
    r"\s*(?:(?P<punct>[;}])|\{\s*(?P<context>[A-Za-z_]+\d*)\s*:|(?P<step>[^\s;{}()]+(?:\([^(){};]*\))?))"
)
_STEP = re.compile(r"(?P<verb>\??[A-Za-z_]+)(?:\((?P<argument>.*)\))?|-(?P<released>[A-Za-z_]+\d*)", re.DOTALL)
_NAME = re.compile(r"([A-Za-z_]+)(\d*)")
_LOCK = re.compile(r"(?P<name>[A-Za-z_]+\d*)(?:/(?P<subclass>\d))?(?:\s+nest\s+(?P<nest>[A-Za-z_]+\d*))?")

_NO_ARGUMENT = ("wait", "end")
_ONE_NAME = ("reinit", "free", "point", "open", "done", "fini")
ACQUIRES = ("E", "R", "r", "?E", "?R", "?r", "spin", "?spin")
_VERBS = (*ACQUIRES, "alloc", *_NO_ARGUMENT, *_ONE_NAME, "L", "slow")


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        verb: as written, without its argument; ``-`` for a release.
        text: as written.
        offset: of its first character in the text.
        name: the lock or context it is about; the mask, for an allocation.
        subclass: 0 to 7.
        other: the nest lock, or the wound/wait context.
    """

    verb: str
    text: str
    offset: int
    name: str = ""
    subclass: int = 0
    other: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Steps inside a context."""

    context: str
    offset: int
    body: tuple["Step | Block", ...]


Sequence = tuple[Step | Block, ...]


def class_of(name: str) -> str:
    """``X`` for ``X2``."""
    return name.rstrip("0123456789")


def parse(text: str) -> tuple[Sequence, ...]:
    """The sequences of a litmus text.

    Raises:
        UsageError: with the column of what is wrong.
    """
    return _Parser(text).sequences()


def wrong(text: str, offset: int, what: str) -> UsageError:
    """An error that points to a place in the text."""
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    place = f"line {line}, column {column}" if "\n" in text.strip("\n") else f"column {column}"
    return UsageError(f"litmus, {place}: {what}")


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def sequences(self) -> tuple[Sequence, ...]:
        found = []
        while True:
            body, stop = self._body()
            if stop == "}":
                raise wrong(self._text, self._at - 1, "'}' closes nothing")
            found.append(body)
            if not stop:
                break
        if not any(found):
            raise wrong(self._text, 0, "there is no step")
        return tuple(found)

    def _body(self) -> tuple[Sequence, str]:
        """Steps up to the end, a semicolon or a closing brace, and which of them it was."""
        nodes: list[Step | Block] = []
        while self._text[self._at :].strip():
            match = self._next()
            if match["punct"]:
                return tuple(nodes), match["punct"]
            if match["context"]:
                nodes.append(self._block(match))
            else:
                nodes.append(self._step(match["step"], match.start("step")))
        return tuple(nodes), ""

    def _next(self) -> re.Match[str]:
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            rest = self._text[self._at :]
            offset = self._at + len(rest) - len(rest.lstrip())
            expected = "a context, as in '{signalling: …}'" if rest.lstrip().startswith("{") else "a step"
            raise wrong(self._text, offset, f"expected {expected}, not {rest.split()[0]!r}")
        self._at = match.end()
        return match

    def _block(self, match: re.Match[str]) -> Block:
        opened = match.start("context")
        body, stop = self._body()
        if stop != "}":
            raise wrong(self._text, opened, f"'{{{match['context']}:' is never closed")
        return Block(match["context"], opened, body)

    def _step(self, text: str, offset: int) -> Step:
        match = _STEP.fullmatch(text)
        if match is None:
            raise wrong(self._text, offset, _why_no_step(text))
        if match["released"]:
            return Step("-", text, offset, match["released"])
        verb, argument = match["verb"], match["argument"]
        if verb not in _VERBS:
            raise wrong(self._text, offset, str(UsageError.unknown("step", verb, _VERBS)))
        if verb in _NO_ARGUMENT:
            if argument is not None:
                raise wrong(self._text, offset, f"{verb!r} has no argument")
            return Step(verb, text, offset)
        if argument is None:
            raise wrong(self._text, offset + len(verb), self._missing(verb, offset))
        return self._with_argument(verb, text, offset, argument)

    def _missing(self, verb: str, offset: int) -> str:
        if self._text.startswith("(", offset + len(verb)):
            return f"the parenthesis after {verb!r} is never closed"
        return f"{verb!r} needs an argument in parentheses"

    def _with_argument(self, verb: str, text: str, offset: int, argument: str) -> Step:
        at = offset + len(verb) + 1
        if verb in ACQUIRES:
            return self._acquire(verb, text, offset, argument)
        if verb == "alloc":
            if argument.strip() not in MASKS:
                raise wrong(self._text, at, str(UsageError.unknown("allocation mask", argument.strip(), MASKS)))
            return Step(verb, text, offset, argument.strip())
        names = [part.strip() for part in argument.split(",")]
        most = 1 if verb in _ONE_NAME else 2
        least = 2 if verb == "slow" else 1
        if not least <= len(names) <= most or not all(map(_NAME.fullmatch, names)):
            count = (
                "one name" if most == 1 else "a lock and a context" if least == 2 else "a lock, and perhaps a context"
            )
            raise wrong(self._text, at, f"{verb!r} takes {count}, not {argument!r}")
        return Step(verb, text, offset, names[0], other=names[1] if len(names) > 1 else "")

    def _acquire(self, verb: str, text: str, offset: int, argument: str) -> Step:
        lock = _LOCK.fullmatch(argument.strip())
        if lock is None:
            expected = "a lock, as in 'A', 'A1', 'A/1' or 'B1 nest A1'"
            raise wrong(self._text, offset + len(verb) + 1, f"{verb!r} takes {expected}, not {argument!r}")
        subclass = int(lock["subclass"] or 0)
        if subclass > 7:
            raise wrong(self._text, offset + len(verb) + 1, f"subclass {subclass} is outside 0 to 7")
        return Step(verb, text, offset, lock["name"], subclass, lock["nest"] or "")


def _why_no_step(text: str) -> str:
    if text.startswith("-"):
        return f"expected the name of a lock after '-', not {text[1:]!r}"
    return f"{text!r} is no step"
