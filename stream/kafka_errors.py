"""kafka-python's errors, translated: none of them goes further than the Kafka broker."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

import kafka.errors as errors
from kafka.structs import TopicPartition as KafkaPartition

from stream.errors import BrokerUnavailable, ConfigError, Fenced, RecordTooLarge

_FENCED = (
    errors.CommitFailedError,
    errors.IllegalGenerationError,
    errors.UnknownMemberIdError,
    errors.RebalanceInProgressError,
    errors.FencedInstanceIdError,
    errors.FencedMemberEpochError,
    errors.StaleMemberEpochError,
)
_TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
_REFUSED = (
    errors.AuthorizationError,
    errors.IllegalSaslStateError,
    errors.InvalidConfigurationError,
    errors.InvalidGroupIdError,
    errors.InvalidReplicationFactorError,
    errors.InvalidSessionTimeoutError,
    errors.InvalidTopicError,
    errors.KafkaConfigurationError,
    errors.PolicyViolationError,
    errors.SaslAuthenticationFailedError,
    errors.SecurityDisabledError,
    errors.UnsupportedCompressionTypeError,
    errors.UnsupportedSaslMechanismError,
    errors.UnsupportedVersionError,
)


class NoOffset(Exception):
    """Partitions without a committed offset."""

    def __init__(self, partitions: Collection[KafkaPartition]) -> None:
        super().__init__(f"no committed offset for {partitions}")
        self.partitions = set(partitions)


class OutOfRange(Exception):
    """Positions that the log does not have."""

    def __init__(self, positions: Mapping[KafkaPartition, int]) -> None:
        super().__init__(f"out of range: {positions}")
        self.positions = dict(positions)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn kafka-python's errors into Dateline's, and into NoOffset and OutOfRange; *doing* says what was tried."""
    try:
        yield
    except errors.NoOffsetForPartitionError as e:
        raise NoOffset(e.args[0]) from e
    except errors.OffsetOutOfRangeError as e:
        raise OutOfRange(e.args[0]) from e
    except errors.LogTruncationError as e:
        raise OutOfRange({at: end.offset if end else 0 for at, end in e.divergent_offsets.items()}) from e
    except _FENCED as e:
        raise Fenced(f"{doing}: this member is not, or no longer, in its group ({_name(e)})") from e
    except _TOO_LARGE as e:
        raise RecordTooLarge(f"{doing}: the broker takes no record of this size ({e})") from e
    except _REFUSED as e:
        raise ConfigError(f"{doing}: Kafka refuses ({_name(e)}: {e})") from e
    except (errors.KafkaError, OSError) as e:
        raise BrokerUnavailable(f"{doing}: {_name(e)}: {e}") from e


def _name(error: BaseException) -> str:
    return type(error).__name__
