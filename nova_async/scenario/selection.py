"""``-k EXPR``: names, ``and``, ``or``, ``not`` and parentheses, as pytest reads them."""

import re
from collections.abc import Callable, Iterable
from pathlib import PurePath

from nova_async.errors import UsageError
from nova_async.scenario.declare import Scenario

Matcher = Callable[[str], bool]
_TOKEN = re.compile(r"\s*(?P<token>\(|\)|[^\s()]+)\s*")
_WORDS = ("and", "or", "not", "(", ")")


def select(scenarios: Iterable[Scenario], expression: str) -> list[Scenario]:
    """The scenarios whose file or name contains what the expression asks for; all, for an empty one.

    Raises:
        UsageError: it is no expression.
    """
    if not expression.strip():
        return list(scenarios)
    matches = _Parser(expression).parse()
    return [each for each in scenarios if matches(f"{PurePath(each.file).stem}::{each.name}".lower())]


class _Parser:
    """or-terms of and-terms of optionally negated names, by recursive descent."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = [match["token"] for match in _TOKEN.finditer(expression)]

    def parse(self) -> Matcher:
        matcher = self._either()
        if self._tokens:
            raise self._unexpected(self._tokens[0])
        return matcher

    def _either(self) -> Matcher:
        terms = [self._both()]
        while self._take("or"):
            terms.append(self._both())
        return lambda name: any(term(name) for term in terms)

    def _both(self) -> Matcher:
        terms = [self._one()]
        while self._take("and"):
            terms.append(self._one())
        return lambda name: all(term(name) for term in terms)

    def _one(self) -> Matcher:
        if self._take("not"):
            negated = self._one()
            return lambda name: not negated(name)
        if self._take("("):
            inner = self._either()
            if not self._take(")"):
                raise self._unexpected("its end, where ')' is missing")
            return inner
        if not self._tokens or self._tokens[0] in _WORDS:
            raise self._unexpected(self._tokens[0] if self._tokens else "its end")
        part = self._tokens.pop(0).lower()
        return lambda name: part in name

    def _take(self, token: str) -> bool:
        if self._tokens[:1] == [token]:
            del self._tokens[0]
            return True
        return False

    def _unexpected(self, token: str) -> UsageError:
        return UsageError(
            f"-k {self._expression!r}: did not expect {token}; "
            "write names joined by and, or, not, such as -k 'creators and not reclaim'"
        )
