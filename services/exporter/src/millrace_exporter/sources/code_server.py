"""The ping of a code server: Dagster's gRPC, of which this one call is needed.

What belongs here: the call and its two messages. What does not: which servers there are.

Dagster's own client would bring Dagster (`benchmarks/imports.py` says what that takes). A ping is one string in and two
strings out, so the wire format is read here: https://protobuf.dev/programming-guides/encoding/
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import grpc

_METHOD = "/api.DagsterApi/Ping"
_ECHO = b"exporter"
_LENGTH_DELIMITED = 2
# gRPC's own longest pause between two tries to connect is two minutes: so long a server that is back would look down.
_RECONNECT = (("grpc.max_reconnect_backoff_ms", 1000),)


@dataclass(frozen=True)
class Pong:
    """An answer: seconds that it took, and what the server says of itself, if it was told to."""

    seconds: float
    utilization: Mapping[str, Any]


class CodeServers:
    """Pings code servers, all at once; channels stay open.

    Args:
        timeout_seconds: Of a ping.
    """

    def __init__(self, timeout_seconds: float = 5.0) -> None:
        self._timeout_seconds = timeout_seconds
        self._channels: dict[str, grpc.Channel] = {}

    def ping(self, addresses: Mapping[str, str]) -> dict[str, Pong | None]:
        """Answers by location; None where none came.

        Args:
            addresses: Host and port, by location.
        """
        for address in set(self._channels) - set(addresses.values()):
            self._channels.pop(address).close()
        pending = {}
        for location, address in addresses.items():
            if address not in self._channels:
                self._channels[address] = grpc.insecure_channel(address, _RECONNECT)
            call = self._channels[address].unary_unary(_METHOD)
            started = time.monotonic()
            future = call.future(b"\x0a" + bytes([len(_ECHO)]) + _ECHO, timeout=self._timeout_seconds)
            ended: list[float] = []
            future.add_done_callback(lambda _, ended=ended: ended.append(time.monotonic()))
            pending[location] = (future, started, ended)
        answers: dict[str, Pong | None] = {}
        for location, (future, started, ended) in pending.items():
            try:
                reply = future.result()
            except grpc.RpcError:
                answers[location] = None
            else:
                seconds = (ended[0] if ended else time.monotonic()) - started
                answers[location] = Pong(seconds, _utilization(reply))
        return answers

    def close(self) -> None:
        """Close the channels."""
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()


def _utilization(reply: bytes) -> Mapping[str, Any]:
    for field, content in _fields(reply):
        if field == 2 and content:
            found = json.loads(content)
            return found if isinstance(found, dict) else {}
    return {}


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of a message's strings; it ends at the first field that is none."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        if key & 7 != _LENGTH_DELIMITED:
            return
        length, place = _varint(message, place)
        yield key >> 3, message[place : place + length]
        place += length


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message):
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value, place
