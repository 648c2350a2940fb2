"""What the YAML of a ledger by SQL may say. Its rows are understood by the same words as those of a file."""

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from recon_assets.domain.errors import ConfigurationError
from recon_assets.domain.records import Movement, Status
from recon_assets.feeds.credentials import EnvironmentName
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.files.description_columns import Columns
from recon_assets.feeds.files.description_values import Amounts, Constants, Signs, Times
from recon_assets.ledger.sql.query import MAX_QUERY_CHARACTERS, checked_query

ROWS_FILE: Final = "rows.jsonl"


class SqlLimits(BaseModel):
    """Bounds of one query; units are in the names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connect_timeout_s: int = Field(default=10, ge=1, le=300)
    time_limit_s: int = Field(default=600, ge=1, le=86_400)
    """From the first statement to the last row."""
    batch_rows: int = Field(default=10_000, ge=1, le=100_000)
    """Rows in memory at a time."""
    max_rows: int = Field(default=20_000_000, ge=1)


class SqlLedgerFeed(BaseModel):
    """Configuration. `url_env` names the environment variable that holds the SQLAlchemy URL."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["ledger_sql"] = "ledger_sql"
    url_env: EnvironmentName
    query: str | None = None
    query_file: Path | None = None
    """A .sql file in UTF-8; a relative path is one below the configuration folder."""
    columns: Columns
    constants: Constants = Constants()
    amounts: Amounts = Amounts()
    signs: Signs = Signs()
    times: Times = Times()
    statuses: dict[str, Status] = Field(default_factory=dict)
    movements: dict[str, Movement] = Field(default_factory=dict)
    empty_result_means_no_movements: bool = False
    limits: SqlLimits = SqlLimits()

    @field_validator("query")
    @classmethod
    def _is_one_select(cls, text: str | None) -> str | None:
        return None if text is None else checked_query(text)

    @field_validator("columns")
    @classmethod
    def _names_are_no_paths(cls, columns: Columns) -> Columns:
        if dotted := [name for theirs in columns.mapped().values() for name in theirs if "." in name]:
            raise ValueError(f"{dotted[0]!r}: a column of the result has no dot; name it with AS in the query")
        return columns

    @model_validator(mode="after")
    def _says_what_is_asked_and_what_it_means(self) -> Self:
        if (self.query is None) == (self.query_file is None):
            raise ValueError("either `query` or `query_file` is needed, not both")
        self.as_lines()
        return self

    def as_lines(self) -> FilesDescription:
        """The stored rows, described as the file of JSON lines that they are."""
        return FilesDescription(
            kind="files",
            folder=".",
            pattern="{date}",
            format="json_lines",
            columns=self.columns,
            constants=self.constants,
            amounts=self.amounts,
            signs=self.signs,
            times=self.times,
            statuses=self.statuses,
            movements=self.movements,
        )

    def query_text(self, config_dir: Path) -> str:
        """The statement. Raises `ConfigurationError` for a file that can't be read or is no single SELECT."""
        if self.query_file is None:
            assert self.query is not None, "one of the two was checked when the configuration was read"
            return self.query
        path = config_dir / self.query_file
        try:
            with path.open(encoding="utf-8") as file:
                return checked_query(file.read(MAX_QUERY_CHARACTERS + 1))
        except (OSError, UnicodeError) as error:
            raise ConfigurationError(
                "the file of the ledger's query can't be read",
                where=str(path),
                remedy="Correct `query_file`, which is relative to the configuration folder; save the file as UTF-8.",
            ) from error
        except ValueError as error:
            raise ConfigurationError(str(error), where=str(path), remedy="Correct the query in that file.") from error
