"""A notifier on a real record and a real mail server, and what became of the outbox."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from recon_assets.configuration import Configuration
from recon_assets.notifications.rules import NotificationRules, Rule
from recon_assets.resources.notifications import Notifier, Told
from recon_assets.resources.record import Record
from recon_assets.settings import Settings
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.notifications.mail_server import USER, MailServer

OPERATIONS = "operations@company.example"


def mail_settings(settings: Settings, server: MailServer | int, ca_file: Path, **changes: object) -> Settings:
    """The password and the receivers are in the environment."""
    own = {
        "smtp_server": "localhost",
        "smtp_port": server if isinstance(server, int) else server.port,
        "smtp_ca_file": ca_file,
        "smtp_timeout_s": 5.0,
        "email_user": USER,
    }
    return settings.model_copy(update=own | changes)


@dataclass
class Teller:
    """Rounds of a notifier; each begins by making everything due that was put off."""

    settings: Settings
    record: Record
    connection: TenantConnection
    rules: NotificationRules = field(default_factory=NotificationRules)

    def notifier(self, **options: object) -> Notifier:
        configuration = Configuration.load(self.settings).model_copy(update={"notifications": self.rules})
        options = {"collect_every_s": float("inf"), "report_wait": timedelta(0)} | options
        made = Notifier(self.settings, self.record, configuration, **options)
        made._collected_at = 0  # tests of what is late ask for it themselves
        return made

    def with_rules(self, *rules: Rule) -> "Teller":
        return replace(self, rules=NotificationRules(rules=rules))

    def round(self, **options: object) -> Told:
        self.make_due()
        return self.notifier(**options).round(longest_s=30)

    def make_due(self) -> None:
        with self.connection.transaction():
            self.connection.execute(
                "UPDATE outbox SET due_at = clock_timestamp() WHERE delivered_at IS NULL AND abandoned_at IS NULL"
            )

    def rows(self) -> Sequence[tuple[str, str, int, str | None]]:
        """Kind, state, attempts and last error of every row, oldest first."""
        with self.connection.transaction():
            return self.connection.execute(
                """
                SELECT kind, CASE WHEN delivered_at IS NOT NULL THEN 'delivered'
                    WHEN abandoned_at IS NOT NULL THEN 'abandoned' ELSE 'pending' END, attempts, last_error
                FROM outbox ORDER BY created_at
                """
            ).fetchall()

    def states(self) -> list[tuple[str, str]]:
        return [row[:2] for row in self.rows()]
