"""Every error that Dateline raises on purpose.

DatelineError
├── TransientError          trying again helps: the caller retries in place, nothing is dropped
│   ├── BrokerUnavailable   the broker is away or refuses for now
│   ├── DatabaseUnavailable the database is away, or a lock was not had
│   └── Fenced              this member lost its partitions: drop the batch and poll again
├── PermanentError          trying again does not help: the record goes to dead letters
│   ├── BadMessage          bytes that are no message of the expected schema
│   ├── RecordTooLarge      over the broker's limit for one record
│   ├── ChildLost           an isolated child crashed, ran past its deadline or out of memory
│   └── WorkerDied          workers died of the record, one after the other
└── StageStopped            the stage must stop and commit nothing; the message names the remedy
    ├── SchemaTooNew        a message of a newer major schema version than this code reads
    ├── OffsetsLost         records are gone that a group had still to read
    └── MigrationMismatch   the database is at another migration than this code
ConfigError (a DatelineError) is a bad setting or argument; commands exit with 2.

The one question behind the tree is whether trying again would help.
"""


class DatelineError(Exception):
    """Base of every error raised on purpose; its text is one line that names the thing and the remedy."""


class ConfigError(DatelineError):
    """A setting, argument or input file that cannot be used."""


class TransientError(DatelineError):
    """The same call may succeed later. *retry_after* is a lower bound in seconds where the other side named one."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BrokerUnavailable(TransientError):
    """The broker cannot be reached or refuses for now."""


class DatabaseUnavailable(TransientError):
    """The database cannot be reached, or a lock was not had in time."""


class Fenced(TransientError):
    """This member is no longer the owner of its partitions; what it polled belongs to another member now."""


class PermanentError(DatelineError):
    """The same input will fail again."""


class BadMessage(PermanentError):
    """Bytes that are not a message of the expected schema."""


class RecordTooLarge(PermanentError):
    """A record over the limit of one record (8 MiB on both brokers)."""


class ChildLost(PermanentError):
    """An isolated child was lost. *cause* is ``crash``, ``timeout`` or ``memory``."""

    def __init__(self, message: str, *, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class WorkerDied(PermanentError):
    """Workers that began the record alone died, one after the other: the kernel ended them, or a library did."""


class StageStopped(DatelineError):
    """A stage stops without committing; an operator has to act first."""


class SchemaTooNew(StageStopped):
    """A message of a newer major schema version: consumers are upgraded before producers."""


class OffsetsLost(StageStopped):
    """Records that a group had still to read are gone: with the start of the log, or with a topic that was made anew.

    *missing* maps (topic, partition) to the half-open range of offsets that can no longer be read, an empty one where it is not
    known how far it went, *resume* to the offset at which reading can go on.
    """

    def __init__(self, message: str, *, missing: dict[tuple[str, int], tuple[int, int]], resume: dict[tuple[str, int], int]) -> None:
        super().__init__(message)
        self.missing = missing
        self.resume = resume


class MigrationMismatch(StageStopped):
    """The database is at another migration than this code expects."""


NOT_THE_INPUT = (TransientError, StageStopped, ConfigError)  # no fault of the record, feed or page at hand: wait, or stop
