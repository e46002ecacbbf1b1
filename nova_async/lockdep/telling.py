"""From a broken rule to a :class:`~nova_async.findings.Finding`: the words, the witnesses, and what to do about it."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from nova_async.findings import Finding, Severity, Witness
from nova_async.lockdep.classes import LockClass, LockMap, Mode, Role
from nova_async.lockdep.contexts import ALLOCATION_PATH, EVENT_PATH, PLAIN, RECLAIM_PATH, WAIT_PATH, about
from nova_async.lockdep.graph import Cycle, Link
from nova_async.lockdep.held import Entry, HeldStack
from nova_async.lockdep.places import Places, Where

ADVICE = {
    "NOVA101": "Take these locks in one order everywhere, or take the last one with a trylock and back off.",
    "NOVA102": "Do not take it again; if these are two locks with an order of their own, say so with a subclass, "
    "a nest lock, or an order function.",
    "NOVA103": "Release each lock once, by the task that took it, before the memory it lives in goes away.",
    "NOVA104": "Release what was taken on every way out of the task, errors and cancellation included.",
    "NOVA201": "Allocate before taking the window, or drop the window, allocate, and look again.",
    "NOVA202": "Allocate before the fence is published; inside the section only GFP_NOWAIT or "
    "GFP_ATOMIC, which may fail.",
    "NOVA203": "Split the lock, or allocate before taking it: what the signalling path takes is never held across "
    "an allocation that may reclaim.",
    "NOVA204": "Wait for the fence before taking the lock or opening the section.",
    "NOVA205": "Drop the spinlock before anything that may sleep, or allocate with GFP_ATOMIC.",
    "NOVA402": "Signal on every way out, with an error if need be; do before publishing what can fail.",
}
"""What to do, by code."""
_EVENT_ADVICE = "Let the lock go before waiting for the event, or signal it without that lock."

_HOLDS = {
    Role.RECLAIM: "reclaims memory",
    Role.NOTIFIER: "runs the MMU notifiers",
    Role.FENCE: "is in a fence-signalling section",
}
_WAITS = {
    Role.RECLAIM: "allocates and waits for reclaim",
    Role.NOTIFIER: "allocates and waits for the MMU notifiers",
    Role.FENCE: "waits for the fence",
}
_SOMEBODY = "(somebody)"
_SIGNALLER = "(whoever signals)"
_MODES = {Mode.EXCLUSIVE: "", Mode.READ: " for reading", Mode.RECURSIVE_READ: " for recursive reading"}


@dataclass(frozen=True, slots=True)
class Scene:
    """Who was caught, and with what in hand."""

    task: Hashable
    stack: HeldStack
    where: Where


class Teller:
    """Words findings, and reports them.

    Args:
        places: turns remembered places into files and lines.
        name: the role name of a task.
        report: gets each finding.
    """

    def __init__(self, places: Places, name: Callable[[Hashable], str], report: Callable[[Finding], None]) -> None:
        self._places = places
        self._name = name
        self._report = report
        self._said: set[tuple[Hashable, ...]] = set()

    def task(self, task: Hashable) -> str:
        """The role name of a task."""
        return self._name(task)

    def held(self, scene: Scene) -> tuple[Witness, ...]:
        """What the task holds, oldest first, and since where."""
        name = self._name(scene.task)
        return tuple(Witness(name, manner(entry), self._places.resolve(entry.where)) for entry in scene.stack.entries)

    def direct(
        self,
        code: str,
        scene: Scene,
        message: str,
        locks: Iterable[LockMap] = (),
        *,
        severity: Severity = Severity.PROVED,
        others: tuple[Hashable, ...] = (),
        echo: bool = False,
    ) -> None:
        """Something that happened here; the same in another place is another finding, unless it is an echo."""
        named = tuple(locks)
        anywhere = (code, *(lock.cls.index for lock in named))
        here = (*anywhere, scene.where)
        # A program that goes on breaking a rule in one place pays for this look-up only.
        if here in self._said or (echo and anywhere in self._said):
            return
        self._said |= {here, anywhere}
        name = self._name(scene.task)
        sites = self._places.resolve(scene.where)
        finding = Finding(
            code,
            severity,
            f"{name}: {message}",
            tasks=(name, *(self._name(other) for other in others)),
            locks=tuple(lock.instance for lock in named),
            key=(code, *(lock.cls.name for lock in named), *map(str, sites)),
            held=self.held(scene),
            chain=(Witness(name, message, sites),),
            advice=ADVICE[code],
        )
        self._report(finding)

    def cycle(self, cycle: Cycle, scene: Scene, severity: Severity = Severity.POSSIBLE) -> None:
        """A circle of classes in which each waits for the next."""
        code = code_of(cycle)
        turned = _turned(cycle)
        locks = tuple(cls.name for cls in _locks(turned))
        tasks = dict.fromkeys([self._name(scene.task), *(link.witness.task for link in turned if link.witness.task)])
        finding = Finding(
            code,
            Severity.PROVED if code == "NOVA202" else severity,
            _MESSAGES[about(turned)](turned),
            tasks=tuple(tasks),
            locks=locks,
            key=(code, *sorted(locks or [link.edge.held.name for link in turned])),
            held=self.held(scene),
            chain=tuple(self._link(link) for link in turned),
            columns=columns(turned),
            advice=_EVENT_ADVICE if about(turned) == EVENT_PATH else ADVICE[code],
        )
        self._report(finding)

    def against_table(self, scene: Scene, held: Entry, entry: Entry) -> None:
        """An order that the declared table forbids, whether or not anybody took the locks the right way yet."""
        name = self._name(scene.task)
        locks = (held.cls.name, entry.cls.name)
        message = (
            f"{name}: takes {locks[1]} (rank {entry.cls.rank}) while holding {locks[0]} (rank {held.cls.rank}), "
            "against the declared lock order"
        )
        finding = Finding(
            "NOVA101",
            Severity.POSSIBLE,
            message,
            tasks=(name,),
            locks=locks,
            key=("NOVA101", *sorted(locks)),
            held=self.held(scene),
            chain=(Witness(name, f"{locks[0]} -> {locks[1]}", self._places.resolve(scene.where)),),
            columns=(
                (name, f"takes {locks[0]}"),
                ("(declared order)", f"takes {locks[1]}"),
                (name, f"waits for {locks[1]}"),
                ("(declared order)", f"waits for {locks[0]}"),
            ),
            advice=ADVICE["NOVA101"],
        )
        self._report(finding)

    def _link(self, link: Link) -> Witness:
        edge, witness = link.edge, link.witness
        if witness.manner:
            return Witness("", f"{edge.held.name} -> {edge.taken.name}: {witness.manner}")
        since = self._places.resolve(witness.held_at)
        did = f"{edge.held.name} -> {edge.taken.name}"
        if since:
            did += f" ({'signalled at' if edge.held.role is Role.EVENT else 'held since'} {since[0]})"
        return Witness(witness.task, did, self._places.resolve(witness.taken_at))


def manner(entry: Entry) -> str:
    """What a task does that has this on its stack."""
    if entry.cls.role is not Role.LOCK:
        return _HOLDS[entry.cls.role]
    subclass = "" if entry.cls is entry.lock.cls else f" as {entry.cls.name}"
    tried = " by trylock" if entry.trylock else ""
    return f"holds {entry.lock.instance}{subclass}{_MODES[entry.mode]}{tried}"


def code_of(cycle: Cycle) -> str:
    """Which rule a cycle breaks."""
    colour = about(cycle)
    if colour == WAIT_PATH:
        return "NOVA204"
    if colour == ALLOCATION_PATH:
        return "NOVA203" if _locks(cycle) else "NOVA202"
    return "NOVA101"


def columns(cycle: Cycle) -> tuple[tuple[str, str], ...]:
    """What could go wrong: everybody gets the first lock, then everybody waits for the next."""
    parts = _parts(cycle)
    return (
        *((name, _holds(held)) for name, held, _ in parts),
        *((name, _waits(taken)) for name, _, taken in parts),
    )


def _parts(cycle: Cycle) -> list[tuple[str, LockClass, LockClass]]:
    """Who holds what and waits for what; steps that nobody was seen to take are one somebody."""
    parts: list[tuple[str, LockClass, LockClass]] = []
    seen: dict[str, int] = {}
    for link in cycle:
        held, taken = link.edge.held, link.edge.taken
        name = link.witness.task or (_SIGNALLER if held.role is Role.FENCE else _SOMEBODY)
        if parts and name == parts[-1][0] == _SOMEBODY:
            parts[-1] = (name, parts[-1][1], taken)
            continue
        seen[name] = seen.get(name, 0) + 1
        parts.append((f"{name} ({seen[name]})" if seen[name] > 1 else name, held, taken))
    return parts


def _holds(cls: LockClass) -> str:
    if cls.role is Role.EVENT:
        return f"is to signal {cls.name}"
    return _HOLDS.get(cls.role, f"takes {cls.name}")


def _waits(cls: LockClass) -> str:
    return _WAITS.get(cls.role, f"waits for {cls.name}")


def _locks(cycle: Cycle) -> list[LockClass]:
    return [link.edge.held for link in cycle if link.edge.held.role in (Role.LOCK, Role.EVENT)]


def _turned(cycle: Cycle) -> Cycle:
    """A cycle through the fence begins in the signalling section, one through reclaim in reclaim."""
    if about(cycle) == EVENT_PATH:
        return cycle  # begins with the wait for the event
    for role in (Role.FENCE, Role.RECLAIM, Role.NOTIFIER):
        for position, link in enumerate(cycle):
            if link.edge.held.role is role:
                return cycle[position:] + cycle[:position]
    return cycle


def _by(link: Link) -> str:
    return f" ({link.witness.task})" if link.witness.task else ""


def _plain(cycle: Cycle) -> str:
    return f"circular lock dependency: {_steps(cycle)}"


def _steps(cycle: Cycle) -> str:
    return ", ".join(f"{link.edge.held.name} -> {link.edge.taken.name}{_by(link)}" for link in cycle)


def _event(cycle: Cycle) -> str:
    waits, gated, *order = cycle
    lock, event, gate = waits.edge.held.name, waits.edge.taken.name, gated.edge.taken.name
    told = f"{waits.witness.task} waits for {event} while holding {lock}"
    told += f", and {gated.witness.task} takes {gate} before it signals {event}"
    return f"{told}; {_steps(tuple(order))}" if order else told


def _story(cycle: Cycle, begins: str, end: str) -> str:
    """The lock that the context takes, those that come under it, and what the last of them is held across."""
    inside = [link for link in cycle if link.edge.held.role is Role.LOCK]
    first, *under = (link.edge.held.name for link in inside)
    last = inside[-1]
    if not under:
        return f"{first} {begins} and {end}{_by(last)}"
    return f"{first} {begins}; under it comes {', then '.join(under)}; and {under[-1]} {end}{_by(last)}"


def _reclaim(cycle: Cycle) -> str:
    context = "an MMU notifier" if cycle[0].edge.held.role is Role.NOTIFIER else "reclaim"
    return _story(cycle, f"is taken by {context}{_by(cycle[0])}", "is held across an allocation that may reclaim")


def _allocation(cycle: Cycle) -> str:
    locks = _locks(cycle)
    if not locks:
        return "reclaim is entered inside a fence-signalling section; it may wait for the fence that is to be signalled"
    allowed = "allows reclaim and fence waits under it, by the kernel's order"
    end = allowed if locks[-1].primed else "is held across an allocation that may reclaim"
    return _story(cycle, _in_section(cycle[0]), end)


def _wait(cycle: Cycle) -> str:
    return _story(cycle, _in_section(cycle[0]), "is held around a fence wait")


def _in_section(link: Link) -> str:
    if link.witness.manner:
        return "is a lock of the fence-signalling path"
    return f"is taken in a fence-signalling section{_by(link)}"


_MESSAGES: dict[int, Callable[[Cycle], str]] = {
    PLAIN: _plain,
    EVENT_PATH: _event,
    RECLAIM_PATH: _reclaim,
    ALLOCATION_PATH: _allocation,
    WAIT_PATH: _wait,
}
