"""NOVA401: nobody can go on. Who waits for what, and who has it, in words."""

from collections.abc import Callable, Hashable, Mapping

from nova_async.findings import Finding, Severity, Site, Witness
from nova_async.lockdep import Held, Validator
from nova_async.operation import Operation


def deadlock(asleep: Mapping[Hashable, Operation], lockdep: Validator, name: Callable[[Hashable], str]) -> Finding:
    """The finding for a run in which every task waits.

    Args:
        asleep: what each sleeping task waits for, the longest sleeper first.
        lockdep: knows who holds which lock.
        name: the name of a task.
    """
    owned = {task: _owned(lockdep.held(task), operation) for task, operation in asleep.items()}
    holders = {held.lock.instance: name(task) for task, locks in owned.items() for held in locks}
    situations = {task: lockdep.situation(task) for task in asleep}
    chain = tuple(
        Witness(
            name(task), _where(situations[task]) + _waits(operation, holders), _place(lockdep.held(task), operation)
        )
        for task, operation in asleep.items()
    )
    return Finding(
        "NOVA401",
        Severity.PROVED,
        "no task can go on: " + "; ".join(f"{link.task} {link.did}" for link in chain),
        tasks=tuple(link.task for link in chain),
        locks=tuple(sorted(holders)),
        held=tuple(
            witness
            for task, operation in asleep.items()
            for witness in _real(situations[task], lockdep.held(task), operation)
        ),
        chain=chain,
        columns=tuple((link.task, link.did) for link in chain),
        advice="Look for the wait that keeps somebody else from making it end, and move it out of that lock.",
    )


def _owned(held: tuple[Held, ...], waiting: Operation) -> tuple[Held, ...]:
    """What is held for real: the validator lists the lock that is waited for too, as the last."""
    return held[:-1] if _wants_lock(held, waiting) else held


def _real(situation: tuple[Witness, ...], held: tuple[Held, ...], waiting: Operation) -> tuple[Witness, ...]:
    """Locks and contexts, without the lock that is waited for."""
    return situation[:-1] if _wants_lock(held, waiting) else situation


def _where(situation: tuple[Witness, ...]) -> str:
    """The innermost context of a task, such as reclaim, which explains why it waits for what it does."""
    contexts = [witness.did for witness in situation if not witness.did.startswith("holds ")]
    return f"{contexts[-1]} and " if contexts else ""


def _wants_lock(held: tuple[Held, ...], waiting: Operation) -> bool:
    return bool(held) and held[-1].lock.instance == waiting.resource


def _place(held: tuple[Held, ...], waiting: Operation) -> tuple[Site, ...]:
    return held[-1].sites if _wants_lock(held, waiting) else ()


def _waits(operation: Operation, holders: Mapping[str, str]) -> str:
    holder = holders.get(operation.resource)
    return f"waits for {operation.resource}" + (f", which {holder} holds" if holder else "")
