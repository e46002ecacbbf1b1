"""What each finding code means: one markdown file per code, read on demand.

A file begins with ``# CODE title`` and a sentence that states the rule. Its examples are fenced blocks marked
``litmus bad``, ``litmus good``, ``python bad`` or ``python good``; tests run the litmus ones.
"""

import re
from dataclasses import dataclass
from importlib import resources

from nova_async.errors import UsageError
from nova_async.findings import SLUGS

_FENCE = re.compile(
    r"^```(?P<language>litmus|python) (?P<verdict>bad|good)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Example:
    """Code that keeps or breaks a rule.

    Attributes:
        language: ``litmus`` (design section 7) or ``python`` (a sketch).
        good: whether it keeps the rule.
        text: the code.
    """

    language: str
    good: bool
    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the checker.

    Attributes:
        code: as in findings.
        title: a few words.
        summary: the rule in a sentence or two.
        text: the whole explanation, as markdown.
    """

    code: str
    title: str
    summary: str
    text: str

    @property
    def slug(self) -> str:
        """The readable name of the code."""
        return SLUGS[self.code]

    @property
    def examples(self) -> tuple[Example, ...]:
        """The marked examples, in order."""
        return tuple(
            Example(match["language"], match["verdict"] == "good", match["text"].strip())
            for match in _FENCE.finditer(self.text)
        )


def rule(name: str) -> Rule:
    """The rule of a code such as ``NOVA203``, or of its readable name; case does not matter.

    Raises:
        UsageError: there is no such rule.
    """
    code = _code_of(name)
    text = resources.files(__name__).joinpath(f"{code}.md").read_text(encoding="utf-8")
    heading, _, body = text.partition("\n")
    summary = body.strip().partition("\n\n")[0]
    return Rule(code, heading.removeprefix(f"# {code} "), " ".join(summary.split()), text)


def _code_of(name: str) -> str:
    by_name = {slug: code for code, slug in SLUGS.items()} | {code.lower(): code for code in SLUGS}
    wanted = name.strip().lower()
    if wanted not in by_name:
        looks_like_code = wanted.startswith("nova") or wanted.isdecimal()
        raise UsageError.unknown(
            "rule", name.upper() if looks_like_code else name, SLUGS if looks_like_code else SLUGS.values()
        )
    return by_name[wanted]
