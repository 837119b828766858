"""kafka-python's errors translated."""

from __future__ import annotations

import kafka.errors as errors
import pytest

from stream.errors import BrokerUnavailable, ConfigError, Fenced, RecordTooLarge
from stream.kafka_errors import translated


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (errors.KafkaTimeoutError(), BrokerUnavailable),
        (errors.KafkaConnectionError(), BrokerUnavailable),
        (errors.NotLeaderForPartitionError(), BrokerUnavailable),
        (errors.NotEnoughReplicasError(), BrokerUnavailable),
        (errors.CoordinatorNotAvailableError(), BrokerUnavailable),
        (errors.OutOfOrderSequenceNumberError(), BrokerUnavailable),
        (errors.UnknownError(), BrokerUnavailable),
        (ConnectionResetError(), BrokerUnavailable),
        (errors.CommitFailedError(), Fenced),
        (errors.IllegalGenerationError(), Fenced),
        (errors.UnknownMemberIdError(), Fenced),
        (errors.RebalanceInProgressError(), Fenced),
        (errors.FencedInstanceIdError(), Fenced),
        (errors.MessageSizeTooLargeError(), RecordTooLarge),
        (errors.TopicAuthorizationFailedError(), ConfigError),
        (errors.SaslAuthenticationFailedError(), ConfigError),
        (errors.UnsupportedVersionError(), ConfigError),
        (errors.InvalidReplicationFactorError(), ConfigError),
    ],
)
def test_an_error_of_the_client_says_whether_trying_again_helps(theirs: Exception, ours: type[Exception]) -> None:
    with pytest.raises(ours, match=f"sending.*{'' if ours is RecordTooLarge else type(theirs).__name__}") as caught, translated("sending"):
        raise theirs
    assert caught.value.__cause__ is theirs
    assert type(caught.value) is ours
