"""Every error that a user may see. What belongs here: the kinds; not here: their texts, which the raiser knows best.

    ReconError                     says what happened, where, and what to do
    ├── TransientError             the same call may succeed later: tried again, then the run fails
    │   ├── FeedUnavailable        no answer, time-out, 429, 5xx, a body cut short
    │   ├── StoreUnavailable       the database can't be reached
    │   ├── ChannelUnavailable     a mail server or a chat service did not take a message
    │   └── ArchiveUnavailable     the bucket of the archive does not take a file now
    └── PermanentError             trying again changes nothing: the run fails at once
        ├── FeedRefused            401, 403, 404, a redirect to another host
        ├── FeedNotUnderstood      HTML for JSON, a missing column, a file that is not what its description says
        ├── ReceiverRefused        a mail server says that a message can never reach its receiver
        ├── LimitExceeded          more pages, bytes or rows than the named limit
        ├── ConfigurationError     a setting or a YAML file is wrong: file and field are named
        ├── EvidenceGone           a file that an answer names is neither in the storage nor in the archive
        ├── ArchiveRefused         the bucket of the archive says no: no such bucket, no right, another file is there
        ├── ArchiveUnreadable      evidence in the archive is damaged or not what this program writes
        └── StoreRefused           the database answered and refused: a migration was changed, a rule was broken
            └── RowsRetired        the rows that were asked for are in a retired month: it is said where they are

A bad row is no error: it is a rejected row (`recon_assets.domain.records.RejectedRow`) and makes its day incomplete.
No text of an error carries a payment value, a credential or a raw record.
"""


class ReconError(Exception):
    """What happened, where, and what to do about it.

    `what` is a sentence without a final stop, `where` names a file, a URL without credentials, or a setting,
    `remedy` is the next step for a person.
    """

    def __init__(self, what: str, *, where: str, remedy: str) -> None:
        super().__init__(what, where, remedy)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} ({self.where}). {self.remedy}"


class TransientError(ReconError):
    """The same call may succeed later."""


class FeedUnavailable(TransientError):
    """A feed did not answer, or not to the end.

    `retry_after_s` is how long the other side asked us to wait, in seconds, if it did.
    """

    def __init__(self, what: str, *, where: str, remedy: str, retry_after_s: float | None = None) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.retry_after_s = retry_after_s


class StoreUnavailable(TransientError):
    """The database can't be reached."""


class ChannelUnavailable(TransientError):
    """A channel did not take a message: it stays in the outbox and is tried again.

    `is_of_receiver` when only this receiver has to wait, `may_have_arrived` when the answer to a message that was
    handed over got lost: it is sent again with the same id.
    """

    def __init__(
        self, what: str, *, where: str, remedy: str, is_of_receiver: bool = False, may_have_arrived: bool = False
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.is_of_receiver = is_of_receiver
        self.may_have_arrived = may_have_arrived


class ArchiveUnavailable(TransientError):
    """The bucket of the archive does not take a file now; it is kept locally and shipped later."""


class PermanentError(ReconError):
    """Trying again changes nothing."""


class ReceiverRefused(PermanentError):
    """A message can never reach its receiver."""


class FeedRefused(PermanentError):
    """A feed answered, and the answer is no."""


class FeedNotUnderstood(PermanentError):
    """A feed is not what its description says."""


class LimitExceeded(PermanentError):
    """More than a named limit allows."""


class ConfigurationError(PermanentError):
    """A setting or a configuration file is wrong."""


class StoreRefused(PermanentError):
    """The database answered and refused."""


class RowsRetired(StoreRefused):
    """The rows are not in the table any more, but in a retired month and in the archive."""


class ArchiveRefused(PermanentError):
    """The bucket of the archive answered, and the answer is no; the archive is kept locally until somebody acts."""


class ArchiveUnreadable(PermanentError):
    """Evidence in the archive is damaged or not what this program writes."""


class EvidenceGone(PermanentError):
    """A file that an answer names as its evidence is not where it was, and not in the archive either."""
