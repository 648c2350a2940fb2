"""Footer rows that have another number of fields than the records: told apart, and kept for what they state."""

from collections.abc import Mapping

from recon_assets.feeds.files.csv_header import fields_of
from recon_assets.feeds.files.description import FOOTER_KEY, TOTALS_PREFIX, CsvOptions
from recon_assets.feeds.files.description_columns import Footer


class FooterRows:
    """The footers seen so far in one file, by the number of their record. `positions` are those of the header."""

    def __init__(self, footer: Footer | None, options: CsvOptions, positions: Mapping[str, int]) -> None:
        self._options, self._words = options, set(footer.words if footer else ())
        self._column = positions.get(FOOTER_KEY, 0)
        self._places = {
            source.removeprefix(TOTALS_PREFIX): at
            for source, at in positions.items()
            if source.startswith(TOTALS_PREFIX)
        }
        self._taken: dict[int, Mapping[str, str | None]] = {}

    def take(self, record: str, *, number: int | None = None) -> bool:
        """Whether a record is a footer; kept when it has a number."""
        if not self._words:
            return False
        values = fields_of(record, self._options)
        if self._column >= len(values) or values[self._column].strip() not in self._words:
            return False
        if number is not None:
            self._taken[number] = {
                word: (values[at].strip() or None) if at < len(values) else None for word, at in self._places.items()
            }
        return True

    def taken_from(self, numbers: list[int]) -> tuple[Mapping[str, str | None], ...]:
        """Take the footers out of `numbers`, those of ragged records, and return what they state."""
        mine = [number for number in numbers if number in self._taken]
        numbers[:] = [number for number in numbers if number not in self._taken]
        return tuple(self._taken.pop(number) for number in mine)
