"""Verifying the whole record, as a resource: for `recon audit verify` and for the daily check in Dagster.

What belongs here: which of two logins verifies, the heads that the archive remembers, and keeping what was found. Not
here: what is recomputed (`store.audit_verification`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from recon_assets.archive.local import remembered_heads
from recon_assets.settings import Settings
from recon_assets.store.audit_findings import Problem, Verification
from recon_assets.store.audit_outcome import keep_verification
from recon_assets.store.audit_verification import verify_audit, verify_inside
from recon_assets.store.database import open_database


@dataclass(frozen=True, slots=True)
class Verified:
    """What was recomputed here, and what the database's own functions found; None when they were not asked.

    They may not be asked `by_auditor`: the login that may only read.
    """

    outside: Verification
    inside: list[Problem] | None
    by_auditor: bool

    @property
    def problems(self) -> list[Problem]:
        """All of both."""
        return [*self.outside.problems, *(self.inside or ())]


class RecordVerifier:
    """Verifies as the login that migrates, where it is there, else as the auditor's: it must see every row.

    The second may only SELECT, so it can be given to a service. That it sees every row rests on the policies, and that
    they are this release's is the first thing verified: `store.audit_verification`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def has_its_login(self) -> bool:
        """False where a server of one's own is reached as the application alone."""
        settings = self._settings
        return settings.uses_embedded_database or bool(settings.db_migration_user or settings.db_auditor_user)

    def verify(
        self, *, heads: Sequence[tuple[int, str]] = (), with_archive: bool = True, with_inside: bool = True
    ) -> Verified:
        """Recompute everything, and keep the finding as the application: it needs no more for that.

        `heads` are seals kept elsewhere, number and hash in hex. Raises `StoreRefused` when the login is shown a part
        of the rows only, `StoreUnavailable` without a database, `ArchiveUnreadable` when a manifest can't be read: then
        nothing is kept, since nothing was verified.
        """
        known = list(heads)
        if with_archive:
            known += [(kept.seal_no, kept.seal_hash) for kept in remembered_heads(self._settings.archive_dir)]
        with open_database(self._settings) as database:
            by_auditor = database.verifies_as_auditor
            with database.connect_to_verify() as connection:
                outside = verify_audit(connection, sql_dir=self._settings.home / "sql", heads=known)
                inside = verify_inside(connection) if with_inside and not by_auditor else None
                verified = Verified(outside, inside, by_auditor=by_auditor)
            with database.connect() as connection:
                keep_verification(connection, verified.problems, at=datetime.now(UTC))
        return verified
