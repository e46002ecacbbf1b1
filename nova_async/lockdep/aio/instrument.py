"""Locks and events of the user's own making."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from nova_async.errors import EINVAL
from nova_async.lockdep.aio.tracked import Tracked, TrackedEvent
from nova_async.lockdep.classes import Mode

C = TypeVar("C", bound=type[Any])

_LOCK, _EVENT = "_lockdep_lock", "_lockdep_event"


def instrument(
    *, acquire: str, release: str, acquire_nowait: str = "", mode: Mode = Mode.EXCLUSIVE, name: str = ""
) -> Callable[[C], C]:
    """Make the objects of a class locks that tell whoever watches.

    ::

        @instrument(acquire="lock", release="unlock")
        class RedisLock: ...

    Used twice on one class, with other methods and another ``mode``, it makes a reader-writer lock.

    Args:
        acquire: the coroutine method that takes the lock; one that returns False did not get it.
        release: the method that lets it go, coroutine or not.
        acquire_nowait: the method that takes it without waiting; it did not get it if it raises or returns False.
        mode: in which ``acquire`` takes it.
        name: of the class of locks; the place that makes an object if empty.

    Raises:
        EINVAL: the class has no such method.
    """

    def decorate(cls: C) -> C:
        _at_birth(cls, _LOCK, lambda: Tracked(name, cls.__name__))
        _wrap(cls, acquire, functools.partial(_acquiring, mode=mode))
        _wrap(cls, release, _releasing)
        if acquire_nowait:
            _wrap(cls, acquire_nowait, functools.partial(_acquiring_nowait, mode=mode))
        return cls

    return decorate


def instrument_event(*, wait: str, signal: str, once: bool = False, name: str = "") -> Callable[[C], C]:
    """Make the objects of a class events that tell whoever watches.

    Args:
        wait: the coroutine method that waits.
        signal: the method, coroutine or not, that ends the wait.
        once: it happens once and stays, as with a future; else each occurrence is used up by one who waited.
        name: of the class of events; the place that makes an object if empty.

    Raises:
        EINVAL: the class has no such method.
    """

    def decorate(cls: C) -> C:
        _at_birth(cls, _EVENT, lambda: TrackedEvent(name, cls.__name__, once=once))
        _wrap(cls, wait, _waiting)
        _wrap(cls, signal, _signalling)
        return cls

    return decorate


def _at_birth(cls: type[Any], attribute: str, make: Callable[[], object]) -> None:
    original = cls.__init__

    @functools.wraps(original)
    def made(self: Any, *args: Any, **keywords: Any) -> None:
        object.__setattr__(self, attribute, make())
        original(self, *args, **keywords)

    cls.__init__ = made


def _wrap(cls: type[Any], name: str, wrapper: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    original = getattr(cls, name, None)
    if not callable(original):
        raise EINVAL(f"instrument {cls.__name__}: it has no method {name!r}")
    setattr(cls, name, functools.wraps(original)(wrapper(original)))


def _acquiring(original: Callable[..., Any], mode: Mode) -> Callable[..., Any]:
    async def acquire(self: Any, *args: Any, **keywords: Any) -> Any:
        tracked: Tracked = getattr(self, _LOCK)
        return await tracked.take(lambda: original(self, *args, **keywords), busy=False, mode=mode)

    return acquire


def _acquiring_nowait(original: Callable[..., Any], mode: Mode) -> Callable[..., Any]:
    def acquire(self: Any, *args: Any, **keywords: Any) -> Any:
        got = original(self, *args, **keywords)
        if got is not False:
            getattr(self, _LOCK).taken(mode)
        return got

    return acquire


def _releasing(original: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(original):

        async def release_async(self: Any, *args: Any, **keywords: Any) -> Any:
            done = await original(self, *args, **keywords)
            getattr(self, _LOCK).released()
            return done

        return release_async

    def release(self: Any, *args: Any, **keywords: Any) -> Any:
        done = original(self, *args, **keywords)
        getattr(self, _LOCK).released()
        return done

    return release


def _waiting(original: Callable[..., Any]) -> Callable[..., Any]:
    async def wait(self: Any, *args: Any, **keywords: Any) -> Any:
        tracked: TrackedEvent = getattr(self, _EVENT)
        return await tracked.wait(lambda: original(self, *args, **keywords))

    return wait


def _signalling(original: Callable[..., Any]) -> Callable[..., Any]:
    # Told before it happens, also by a coroutine: whoever waits may go on while it runs.
    def signal(self: Any, *args: Any, **keywords: Any) -> Any:
        getattr(self, _EVENT).signal()
        return original(self, *args, **keywords)

    return signal
