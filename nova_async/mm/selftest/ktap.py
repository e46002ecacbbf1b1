"""The Kernel Test Anything Protocol, version 1, as ``tools/testing/kunit`` reads it."""

from collections.abc import Iterator, Mapping, Sequence

from nova_async.mm.selftest.runner import Outcome


def ktap(chips: Mapping[str, Sequence[Outcome]]) -> str:
    """One test for each chip, one subtest for each self-test; what differed is a diagnostic before its result line.

    Args:
        chips: the outcomes by the name of the chip, in the order to be printed.
    """
    return "".join(f"{line}\n" for line in _lines(chips))


def _lines(chips: Mapping[str, Sequence[Outcome]]) -> Iterator[str]:
    yield "KTAP version 1"
    yield f"1..{len(chips)}"
    for number, (chip, outcomes) in enumerate(chips.items(), start=1):
        yield from (f"  {line}" for line in _subtests(outcomes))
        yield _result(number, chip, passed=not any(outcome.error for outcome in outcomes))


def _subtests(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "KTAP version 1"
    yield f"1..{len(outcomes)}"
    for number, outcome in enumerate(outcomes, start=1):
        if outcome.error:
            yield f"# {' '.join(outcome.error.split())}"
        yield _result(number, outcome.name, passed=not outcome.error)


def _result(number: int, name: str, *, passed: bool) -> str:
    return f"{'ok' if passed else 'not ok'} {number} {name}"
