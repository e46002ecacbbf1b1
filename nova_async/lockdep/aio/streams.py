"""anyio's memory object streams, instrumented.

Two events belong to a stream: that an item is put, for which receivers wait, and that a receiver comes, for which
senders wait once the buffer is full. Items travel with the occurrence that put them, so that a receiver knows whose
it got.
"""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream, MemoryObjectStreamStatistics

from nova_async.lockdep.aio.tracked import TrackedEvent
from nova_async.lockdep.events import Signal

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class _Sent:
    item: Any
    signal: Signal | None


class _Queue:
    """What both ends of a stream share, besides the items."""

    def __init__(self, name: str) -> None:
        self.put = TrackedEvent(name and f"put to {name}", "put")
        self.get = TrackedEvent(name and f"get from {name}", "get")


class SendStream(ObjectSendStream[T_contra]):
    """The sending end of a memory object stream, with the methods of anyio's."""

    def __init__(self, inner: MemoryObjectSendStream[_Sent], queue: _Queue) -> None:
        self._inner = inner
        self._queue = queue

    def send_nowait(self, item: T_contra) -> None:
        """Send without waiting.

        Raises:
            anyio.WouldBlock: the buffer is full and nobody receives.
        """
        self._inner.send_nowait(_Sent(item, self._queue.put.signal()))

    async def send(self, item: T_contra) -> None:
        """Send, waiting for room or a receiver."""
        sent = _Sent(item, self._queue.put.signal())
        state = self._inner.statistics()
        if state.current_buffer_used < state.max_buffer_size:
            # There is room, so nothing shows that there may ever be none.
            await self._inner.send(sent)
        else:
            await self._queue.get.wait(lambda: self._inner.send(sent))

    def clone(self) -> "SendStream[T_contra]":
        """Another sending end of the same stream."""
        return SendStream(self._inner.clone(), self._queue)

    def close(self) -> None:
        """Close this end."""
        self._inner.close()

    async def aclose(self) -> None:
        """Close this end."""
        self._inner.close()

    def statistics(self) -> MemoryObjectStreamStatistics:
        """As anyio's."""
        return self._inner.statistics()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ReceiveStream(ObjectReceiveStream[T_co]):
    """The receiving end of a memory object stream, with the methods of anyio's."""

    def __init__(self, inner: MemoryObjectReceiveStream[_Sent], queue: _Queue) -> None:
        self._inner = inner
        self._queue = queue

    def receive_nowait(self) -> T_co:
        """Receive without waiting.

        Raises:
            anyio.WouldBlock: there is nothing.
            anyio.EndOfStream: nor will there be.
        """
        self._queue.get.signal()
        sent = self._inner.receive_nowait()
        self._queue.put.heard()
        item: T_co = sent.item
        return item

    async def receive(self) -> T_co:
        """Receive, waiting for an item.

        Raises:
            anyio.EndOfStream: there will be none.
        """
        self._queue.get.signal()
        sent = await self._receive()
        item: T_co = sent.item
        return item

    async def _receive(self) -> _Sent:
        validator = self._queue.put.watcher()
        if validator is None:
            return await self._inner.receive()
        with self._queue.put.waiting(validator) as wait:
            sent = await self._inner.receive()
            wait.signal = sent.signal
        return sent

    def clone(self) -> "ReceiveStream[T_co]":
        """Another receiving end of the same stream."""
        return ReceiveStream(self._inner.clone(), self._queue)

    def close(self) -> None:
        """Close this end."""
        self._inner.close()

    async def aclose(self) -> None:
        """Close this end."""
        self._inner.close()

    def statistics(self) -> MemoryObjectStreamStatistics:
        """As anyio's."""
        return self._inner.statistics()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


# A class like anyio's, so that ``create_memory_object_stream[int](1)`` works.
class create_memory_object_stream(tuple[SendStream[T], ReceiveStream[T]], Generic[T]):  # noqa: N801  anyio's name
    """Both ends of a new stream.

    Args:
        max_buffer_size: how many items it holds before senders wait.
        name: of its classes; the place that makes it if empty.
    """

    def __new__(cls, max_buffer_size: float = 0, *, name: str = "") -> tuple[SendStream[T], ReceiveStream[T]]:  # type: ignore[misc]
        """The sending and the receiving end."""
        send, receive = anyio.create_memory_object_stream[_Sent](max_buffer_size)
        queue = _Queue(name)
        return SendStream(send, queue), ReceiveStream(receive, queue)
