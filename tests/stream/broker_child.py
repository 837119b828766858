"""A process that uses a broker as it is told: ``python -m tests.stream.broker_child``, then a JSON list a line on stdin.

Each line is a function's name and its arguments; each answer is a line of JSON, or ``{"error": class name}``.
"""

from __future__ import annotations

import json
import sys

from stream.broker import Broker, Consumer, Producer, TopicPartition
from stream.connect import connect_broker
from stream.errors import DatelineError


class Child:
    """What the process holds between commands."""

    def __init__(self) -> None:
        self.broker: Broker | None = None
        self.producer: Producer | None = None
        self.consumer: Consumer | None = None
        self.next: dict[TopicPartition, int] = {}

    def connect(self, url: str, session_timeout: float) -> None:
        self.broker = connect_broker(url, session_timeout=session_timeout)

    def send(self, topic: str, values: list[str]) -> None:
        assert self.broker
        self.producer = self.producer or self.broker.producer()
        for value in values:
            self.producer.send(topic, key=value.encode(), value=value.encode())

    def flush(self) -> None:
        assert self.producer
        self.producer.flush()

    def poll(self, group: str, topic: str, timeout: float) -> list[str]:
        assert self.broker
        self.consumer = self.consumer or self.broker.consumer(group, [topic])
        records = self.consumer.poll(timeout, 1000)
        for record in records:
            self.next[TopicPartition(record.topic, record.partition)] = record.offset + 1
        return [(record.value or b"").decode() for record in records]

    def commit(self) -> None:
        assert self.consumer
        self.consumer.commit(self.next)


def main() -> None:
    """Obey until stdin ends."""
    child = Child()
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer = getattr(child, name)(*arguments)
        except DatelineError as e:
            answer = {"error": type(e).__name__}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
