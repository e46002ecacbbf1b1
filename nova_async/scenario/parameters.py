"""The parameters of a scenario: typed, with defaults, set with ``-p name=value``."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, get_args, get_origin

from nova_async.errors import UsageError

TYPES = {"int": int, "float": float, "bool": bool, "str": str}
"""What a parameter can be. A size is a ``str`` such as ``"64MiB"``; the world reads it."""

Value = int | float | bool | str
TRUTHS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Marks a whole number that may not be less: ``Annotated[int, AtLeast(2)]``."""

    minimum: int


Positive = Annotated[int, AtLeast(1)]
"""A count that may not be 0, such as the pages of a buffer. A plain ``int`` is a count too, and not negative."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a scenario.

    Attributes:
        name: as in the scenario's signature.
        type_name: ``int``, ``float``, ``bool`` or ``str``.
        default: its value unless ``-p`` sets another.
        minimum: of an ``int``.
    """

    name: str
    type_name: str
    default: Value
    minimum: int = 0

    def parse(self, text: str) -> Value:
        """The value that ``text`` stands for.

        Raises:
            ValueError: it stands for none of this type.
        """
        return _PARSERS[self.type_name](text)


def _parse_int(text: str) -> Value:
    return int(text, 0)


def _parse_bool(text: str) -> Value:
    try:
        return TRUTHS[text.lower()]
    except KeyError:
        raise ValueError(text) from None


_PARSERS: Mapping[str, Callable[[str], Value]] = {"int": _parse_int, "float": float, "bool": _parse_bool, "str": str}


def parameters_of(function: Callable[..., object]) -> tuple[Parameter, ...]:
    """The parameters after the first, which is the world.

    Raises:
        UsageError: there is no world, or a parameter lacks a type or a default of that type.
    """
    name = function.__name__
    declared = list(inspect.signature(function).parameters.values())
    if not declared:
        raise UsageError(f"scenario {name!r} takes no world; write async def {name}(world: World) -> None")
    return tuple(_parameter(name, other) for other in declared[1:])


def _parameter(scenario: str, declared: inspect.Parameter) -> Parameter:
    annotation, minimum = _split(declared.annotation)
    type_name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    default: object = declared.default
    if type_name not in TYPES or not isinstance(default, Value) or type(default) is not TYPES[type_name]:
        raise UsageError(
            f"parameter {declared.name!r} of scenario {scenario!r} needs a type ({', '.join(TYPES)}) "
            f"and a default of that type, such as {declared.name}: int = 2"
        )
    return Parameter(declared.name, type_name, default, minimum)


def _split(annotation: object) -> tuple[object, int]:
    """The type, and the least value."""
    if annotation == "Positive":  # in a file that postpones the evaluation of annotations
        return "int", 1
    if get_origin(annotation) is not Annotated:
        return annotation, 0
    kind, *marks = get_args(annotation)
    return kind, next((mark.minimum for mark in marks if isinstance(mark, AtLeast)), 0)


def split_settings(settings: Iterable[str]) -> dict[str, str]:
    """``["submitters=3"]`` as a mapping; the last setting of a name wins.

    Raises:
        UsageError: one of them is not of the form ``name=value``.
    """
    split = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"-p {setting!r}: expected name=value, such as -p submitters=3")
        split[name.strip()] = text.strip()
    return split


def values_for(scenario: str, parameters: Iterable[Parameter], settings: Mapping[str, str]) -> dict[str, Value]:
    """Every parameter with its value, default or set.

    Raises:
        UsageError: a setting names no parameter of the scenario, or is no value of its type.
    """
    known = {parameter.name: parameter for parameter in parameters}
    values = {name: parameter.default for name, parameter in known.items()}
    for name, text in settings.items():
        if name not in known:
            raise _unknown(scenario, name, known)
        try:
            value = values[name] = known[name].parse(text)
        except ValueError:
            wanted = "true or false" if known[name].type_name == "bool" else f"a value of type {known[name].type_name}"
            raise UsageError(f"-p {name}={text}: scenario {scenario!r} wants {wanted} for {name!r}") from None
        least = known[name].minimum
        if isinstance(value, int) and value < least:
            raise UsageError(f"-p {name}={text}: scenario {scenario!r} wants {least} or more for {name!r}")
    return values


def _unknown(scenario: str, name: str, known: Mapping[str, Parameter]) -> UsageError:
    if not known:
        return UsageError(f"-p {name}: scenario {scenario!r} has no parameters")
    return UsageError(f"-p {name}: scenario {scenario!r} has {UsageError.unknown('parameter', name, known)}")
