"""Runs litmus steps against a validator. Sequences run one after the other; each is a task of its own."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager
from functools import partial

from nova_async.errors import UsageError
from nova_async.findings import Finding, Site
from nova_async.lockdep.classes import LockMap, Mode, WaitType
from nova_async.lockdep.gfp import MASKS, Scope
from nova_async.lockdep.litmus.parser import ACQUIRES, Block, Sequence, Step, class_of
from nova_async.lockdep.places import Where
from nova_async.lockdep.validator import Validator
from nova_async.lockdep.ww import AcquireContext, WoundWait

_SCOPES = {"nofs": Scope.NOFS, "noio": Scope.NOIO, "noreclaim": Scope.NORECLAIM}
_MODES = {"E": Mode.EXCLUSIVE, "R": Mode.RECURSIVE_READ, "r": Mode.READ, "spin": Mode.EXCLUSIVE}
_WW_CLASS = "ww_mutex"


class _Here:
    """The task and the step that is running: who asks, and where."""

    def __init__(self) -> None:
        self.task = ""
        self.step: Step | None = None

    def current(self) -> Hashable:
        return self.task

    def name(self, task: Hashable) -> str:
        return str(task)

    def capture(self) -> Where:
        return (self.step,)

    def resolve(self, where: Where) -> tuple[Site, ...]:
        return tuple(Site("litmus", step.offset + 1, step.text) for step in where if step is not None)


class Interpreter:
    """One litmus text, run once.

    Args:
        sequences: as parsed.
    """

    def __init__(self, sequences: tuple[Sequence, ...]) -> None:
        self._sequences = sequences
        self._here = _Here()
        self._validator = Validator(self._here, places=self._here)
        self._waits, self._ww_names = _classes(sequences)
        self._locks: dict[str, LockMap] = {}
        self._wound_wait = WoundWait(self._validator, _WW_CLASS)
        self._contexts: dict[str, AcquireContext] = {}
        self._ended = False
        self._actions: dict[str, Callable[[Step], None]] = {
            **dict.fromkeys(ACQUIRES, self._acquire),
            "-": self._release,
            "reinit": self._reinit,
            "free": self._free,
            "alloc": self._alloc,
            "wait": self._wait,
            "point": self._point,
            "end": self._end,
            "open": self._open,
            "L": self._ww_lock,
            "slow": self._ww_slow,
            "done": self._ww_done,
            "fini": self._ww_fini,
        }

    def run(self) -> list[Finding]:
        """What was found, in order."""
        for number, sequence in enumerate(self._sequences, 1):
            self._here.task = f"T{number}"
            self._ended = False
            self._contexts.clear()
            self._run(sequence)
            # Locks that a sequence does not release are no finding; it simply stops being of interest.
            self._validator.forget()
        return self._validator.findings

    def _run(self, nodes: Sequence) -> None:
        for node in nodes:
            if self._ended:
                raise _wrong(node, "the task ended before this step")
            if isinstance(node, Block):
                self._block(node)
            else:
                self._here.step = node
                self._actions[node.verb](node)

    def _block(self, block: Block) -> None:
        self._here.step = Step("{", f"{{{block.context}: …}}", block.offset - 1)
        context = self._context(block.context)
        context.__enter__()
        self._run(block.body)
        if not self._ended:
            context.__exit__(None, None, None)

    def _context(self, name: str) -> AbstractContextManager[None]:
        if name in _SCOPES:
            return self._validator.scope(_SCOPES[name])
        own: dict[str, Callable[[], AbstractContextManager[None]]] = {
            "signalling": self._validator.signalling,
            # Only the lock: PF_MEMALLOC is a scope of its own, '{noreclaim: …}' (lockdep.md X80, X83).
            "reclaim": partial(self._validator.reclaim, memalloc=False),
            "notifier": self._validator.notifier,
        }
        return own.get(name, lambda: self._validator.context(self._lock(name)))()

    def _lock(self, name: str) -> LockMap:
        found = self._locks.get(name)
        if found is None:
            found = self._locks[name] = self._declare(name)
        return found

    def _declare(self, name: str) -> LockMap:
        cls = class_of(name)
        if name in self._ww_names and cls != "dma_resv":
            return self._wound_wait.lock_map(name)  # wound/wait locks are of one class, whatever they are called
        known = self._validator.contexts.named(cls)
        return known or self._validator.lock(cls, name, wait=self._waits.get(cls, WaitType.SLEEP))

    # Steps

    def _acquire(self, step: Step) -> None:
        nest = self._lock(step.other) if step.other else None
        mode = _MODES[step.verb.removeprefix("?")]
        trylock = step.verb.startswith("?")
        self._validator.acquire(self._lock(step.name), mode, trylock=trylock, subclass=step.subclass, nest=nest)

    def _release(self, step: Step) -> None:
        for context in self._contexts.values():
            for lock in context.held:
                if lock.instance == step.name:
                    context.held.remove(lock)
                    break
        self._validator.release(self._lock(step.name))

    def _reinit(self, step: Step) -> None:
        self._validator.reinit(self._lock(step.name))

    def _free(self, step: Step) -> None:
        self._validator.destroy(self._lock(step.name))

    def _alloc(self, step: Step) -> None:
        self._validator.might_alloc(MASKS[step.name])

    def _wait(self, step: Step) -> None:  # noqa: ARG002  every fence is the same fence
        self._validator.might_wait()

    def _point(self, step: Step) -> None:
        self._validator.might_lock(self._lock(step.name))

    def _end(self, step: Step) -> None:  # noqa: ARG002  all is said
        self._validator.task_ended()
        self._ended = True

    # Wound/wait

    def _transaction(self, step: Step, name: str) -> AcquireContext:
        found = self._contexts.get(name)
        if found is None:
            raise _wrong(step, f"context {name!r} was not opened in this sequence")
        return found

    def _open(self, step: Step) -> None:
        context = self._contexts[step.name] = self._wound_wait.context(step.name)
        self._wound_wait.begin(context)

    def _ww_lock(self, step: Step) -> None:
        context = self._transaction(step, step.other) if step.other else None
        self._wound_wait.lock(self._lock(step.name), context)

    def _ww_slow(self, step: Step) -> None:
        self._wound_wait.lock_slow(self._lock(step.name), self._transaction(step, step.other))

    def _ww_done(self, step: Step) -> None:
        self._wound_wait.done(self._transaction(step, step.name))

    def _ww_fini(self, step: Step) -> None:
        self._wound_wait.end(self._transaction(step, step.name))


def _wrong(node: Step | Block, what: str) -> UsageError:
    return UsageError(f"litmus, column {node.offset + 1}: {what}")


def _steps(nodes: Sequence) -> Iterator[Step]:
    for node in nodes:
        if isinstance(node, Block):
            yield Step("{", node.context, node.offset, node.context)
            yield from _steps(node.body)
        else:
            yield node


def _classes(sequences: tuple[Sequence, ...]) -> tuple[dict[str, WaitType], set[str]]:
    """What kind of lock each class is, by how it is used: wait types by class, and the wound/wait locks by name.

    Raises:
        UsageError: one class is a spinlock here and a sleeping lock there.
    """
    waits: dict[str, WaitType] = {}
    wound_wait: set[str] = set()
    for step in (step for sequence in sequences for step in _steps(sequence)):
        if step.verb in ("L", "slow"):
            wound_wait.add(step.name)
        if step.verb not in ACQUIRES:
            continue
        wait = WaitType.SPIN if step.verb.endswith("spin") else WaitType.SLEEP
        if waits.setdefault(class_of(step.name), wait) is not wait:
            raise _wrong(step, f"{class_of(step.name)!r} is a spinlock in one place and a sleeping lock in another")
    for step in (step for sequence in sequences for step in _steps(sequence)):
        if step.verb in ("{", "point"):
            waits.setdefault(class_of(step.name), WaitType.NONE)
    return waits, wound_wait
