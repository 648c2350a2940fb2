"""Every environment variable, once, typed. Read at the edges (`cli`, `resources`) and passed inward."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, SecretStr, StringConstraints, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_PROJECT = Path(__file__).resolve().parent.parent

DEFAULT_TENANT_ID: Final = UUID("00000000-0000-4000-8000-000000000001")
"""Whose rows they are where nobody asked for tenants; migration `tenants` gave it the rows of before."""

STATEMENT_TIMEOUT_S: Final = 600.0
"""The longest statement is the publication of a day with very many discrepancies."""
LOCK_TIMEOUT_S: Final = 60.0
IDLE_IN_TRANSACTION_TIMEOUT_S: Final = 300.0
MAX_TIMEOUT_S: Final = 86_400.0
DB_POOL_SIZE: Final = 4
MAX_DB_POOL_SIZE: Final = 100
MAX_AWS_SECRETS: Final = 50
MAX_REQUESTS_PER_S: Final = 1_000
SecretId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/_+=.@:-]{1,2048}$")]
"""Name or ARN of a secret, in AWS's own characters."""

BUCKET_PATTERN: Final = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
MAX_OBJECT_LOCK_DAYS: Final = 36_500
"""S3's own limit, a hundred years."""

SPARK_REMOTE_PATTERN: Final = r"^(local(\[(\*|[1-9][0-9]*)\])?|sc://[^/\s]+.*)$"
"""Spark in this machine with a number of threads, or a server that speaks Spark Connect."""

DAGSTER_URL_PATTERN: Final = r"^https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~-]+)*$"
"""Where people open the Dagster UI: no login in it, since it stands in reports, and no slash at its end."""


def _home() -> Path:
    """The project's root when run from a checkout, else the current folder."""
    return _PROJECT if (_PROJECT / "workspace.yaml").exists() else Path.cwd()


class Settings(BaseSettings):
    """What a deployment says through its environment or `.env`. `.env.example` lists the same names."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    home: Path = Field(default_factory=_home, validation_alias="RECON_HOME")
    data_dir: Path = Field(default_factory=lambda values: values["home"] / "data", validation_alias="RECON_DATA_DIR")
    reports_dir: Path = Field(
        default_factory=lambda values: values["home"] / "local_reports", validation_alias="LOCAL_REPORTS_DIR"
    )
    config_dir: Path = Field(
        default_factory=lambda values: values["home"] / "config", validation_alias="RECON_CONFIG_DIR"
    )
    feeds_dir: Path = Field(
        default_factory=lambda values: values["data_dir"] / "feeds", validation_alias="RECON_FEEDS_DIR"
    )

    db_host: str | None = Field(default=None, validation_alias="DB_HOST")
    db_port: int = Field(default=5432, validation_alias="DB_PORT")
    db_name: str = Field(default="recon", validation_alias="DB_NAME")
    db_user: str = Field(default="recon", validation_alias="DB_USER")
    db_password: SecretStr = Field(default=SecretStr(""), validation_alias="DB_PASSWORD")
    db_migration_user: str | None = Field(default=None, validation_alias="DB_MIGRATION_USER")
    db_migration_password: SecretStr = Field(default=SecretStr(""), validation_alias="DB_MIGRATION_PASSWORD")
    db_auditor_user: str | None = Field(default=None, validation_alias="DB_AUDITOR_USER")
    db_auditor_password: SecretStr = Field(default=SecretStr(""), validation_alias="DB_AUDITOR_PASSWORD")
    dagster_db_name: str = Field(default="dagster", validation_alias="DAGSTER_DB_NAME")
    dagster_db_user: str | None = Field(default=None, validation_alias="DAGSTER_DB_USER")
    dagster_db_password: SecretStr = Field(default=SecretStr(""), validation_alias="DAGSTER_DB_PASSWORD")
    db_sslmode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] | None = Field(
        default=None, validation_alias="DB_SSLMODE"
    )
    db_sslrootcert: Path | None = Field(default=None, validation_alias="DB_SSLROOTCERT")
    db_pool_size: int = Field(default=DB_POOL_SIZE, ge=1, le=MAX_DB_POOL_SIZE, validation_alias="DB_POOL_SIZE")
    db_statement_timeout_s: float = Field(
        default=STATEMENT_TIMEOUT_S, ge=0.001, le=MAX_TIMEOUT_S, validation_alias="DB_STATEMENT_TIMEOUT_S"
    )
    db_lock_timeout_s: float = Field(
        default=LOCK_TIMEOUT_S, ge=0.001, le=MAX_TIMEOUT_S, validation_alias="DB_LOCK_TIMEOUT_S"
    )
    db_idle_in_transaction_timeout_s: float = Field(
        default=IDLE_IN_TRANSACTION_TIMEOUT_S,
        ge=0.001,
        le=MAX_TIMEOUT_S,
        validation_alias="DB_IDLE_IN_TRANSACTION_TIMEOUT_S",
    )
    tenant_id: UUID = Field(default=DEFAULT_TENANT_ID, validation_alias="RECON_TENANT_ID")

    processor_api_base_url: str = Field(default="sandbox", validation_alias="PROCESSOR_API_BASE_URL")
    internal_api_base_url: str = Field(default="sandbox", validation_alias="INTERNAL_API_BASE_URL")
    http_timeout_s: float = Field(default=10.0, gt=0, validation_alias="RECON_HTTP_TIMEOUT_S")
    http_requests_per_s: float | None = Field(
        default=None, gt=0, le=MAX_REQUESTS_PER_S, validation_alias="RECON_HTTP_REQUESTS_PER_S"
    )
    http_attempts: int = Field(default=4, ge=1, le=10, validation_alias="RECON_HTTP_ATTEMPTS")

    aws_secrets: Annotated[tuple[SecretId, ...], NoDecode, Field(max_length=MAX_AWS_SECRETS)] = Field(
        default=(), validation_alias="RECON_AWS_SECRETS"
    )

    dagster_url: str | None = Field(default=None, pattern=DAGSTER_URL_PATTERN, validation_alias="RECON_DAGSTER_URL")

    smtp_server: str | None = Field(default=None, validation_alias="SMTP_SERVER")
    smtp_port: int = Field(default=587, ge=1, le=65_535, validation_alias="SMTP_PORT")
    smtp_tls: Literal["starttls", "implicit", "none"] = Field(default="starttls", validation_alias="SMTP_TLS")
    smtp_ca_file: Path | None = Field(default=None, validation_alias="SMTP_CA_FILE")
    smtp_timeout_s: float = Field(default=10.0, gt=0, le=40, validation_alias="SMTP_TIMEOUT_S")
    email_user: str | None = Field(default=None, validation_alias="EMAIL_USER")
    email_from: str | None = Field(default=None, validation_alias="EMAIL_FROM")
    s3_bucket: str | None = Field(default=None, pattern=BUCKET_PATTERN, validation_alias="AWS_S3_BUCKET_NAME")
    s3_region: str | None = Field(default=None, validation_alias="AWS_S3_REGION")
    s3_endpoint_url: str | None = Field(default=None, validation_alias="AWS_S3_ENDPOINT_URL")
    s3_encryption: Literal["AES256", "aws:kms", "none"] = Field(default="AES256", validation_alias="AWS_S3_ENCRYPTION")
    s3_kms_key_id: str | None = Field(default=None, validation_alias="AWS_S3_KMS_KEY_ID")
    s3_object_lock_days: int = Field(
        default=0, ge=0, le=MAX_OBJECT_LOCK_DAYS, validation_alias="AWS_S3_OBJECT_LOCK_DAYS"
    )

    log_format: Literal["console", "json"] | None = Field(default=None, validation_alias="RECON_LOG_FORMAT")

    otlp_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        repr=False,  # it may hold a login
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
    )

    free_disk_mib: int = Field(default=1_024, ge=0, validation_alias="RECON_FREE_DISK_MIB")
    duckdb_memory_limit: str = Field(default="1GB", validation_alias="RECON_DUCKDB_MEMORY_LIMIT")
    matching_engine: Literal["duckdb", "spark"] = Field(default="duckdb", validation_alias="RECON_MATCHING_ENGINE")
    spark_remote: str = Field(
        default="local[2]",
        pattern=SPARK_REMOTE_PATTERN,
        repr=False,  # it may hold a token
        validation_alias="RECON_SPARK_REMOTE",
    )

    @field_validator("aws_secrets", mode="before")
    @classmethod
    def _are_separated_by_commas(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @cached_property
    def storage_root(self) -> Path:
        """Raw, normalised and matched files, by processor, day and attempt."""
        return self.data_dir / "storage"

    @property
    def archive_dir(self) -> Path:
        """The evidence of days, by business date, processor and run."""
        return self.data_dir / "archive"

    @property
    def uses_embedded_database(self) -> bool:
        """True when no `DB_HOST` is set."""
        return self.db_host is None
