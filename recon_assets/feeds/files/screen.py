"""Which records of a batch are no money movements: footers, and those that the description leaves out. All are counted.

Not here: the footers whose number of fields differs (`csv_footers`), and what the other records mean (`parse`).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.feeds.files.description import FOOTER_KEY, TOTALS_PREFIX, FilesDescription
from recon_assets.feeds.files.text import TextBatch

_LEAVE_OUT: Final = "leave_out."


class Screen:
    """Takes out of the batches of one feed what is no movement."""

    def __init__(self, description: FilesDescription) -> None:
        self._footer_words = pa.array(description.footer.words if description.footer else [], pa.string())
        self._leave_out = {column: pa.array(words, pa.string()) for column, words in description.leave_out.items()}

    def screened(self, batch: TextBatch) -> TextBatch:
        """The batch without footers and left-out records, and what those were."""
        if not len(batch.record_numbers) or not (len(self._footer_words) or self._leave_out):
            return batch
        kept = np.ones(len(batch.record_numbers), dtype=np.bool_)
        footers = batch.footers
        if len(self._footer_words) and FOOTER_KEY in batch.columns:
            is_footer = _one_of(batch.columns[FOOTER_KEY], self._footer_words)
            footers = (*_stated(batch, is_footer), *footers)
            kept &= ~is_footer
        left_out: Counter[str] = Counter()
        for column, words in self._leave_out.items():
            is_out = _one_of(batch.columns[_LEAVE_OUT + column], words) & kept
            found = batch.columns[_LEAVE_OUT + column].filter(pa.array(is_out))
            left_out.update(f"{column}: {word.strip()}" for word in found.to_pylist())
            kept &= ~is_out
        if kept.all():
            return batch
        mask = pa.array(kept)
        return replace(
            batch,
            record_numbers=batch.record_numbers[kept],
            columns={name: column.filter(mask) for name, column in batch.columns.items()},
            footers=footers,
            left_out=dict(left_out),
        )


def _one_of(text: pa.Array, words: pa.Array) -> npt.NDArray[np.bool_]:
    found = pc.is_in(pc.utf8_trim_whitespace(text), value_set=words)
    return np.array(found.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _stated(batch: TextBatch, rows: npt.NDArray[np.bool_]) -> list[Mapping[str, str | None]]:
    """What footer rows say, by the words of `Totals`."""
    mask = pa.array(rows)
    stated = {
        source.removeprefix(TOTALS_PREFIX): column.filter(mask).to_pylist()
        for source, column in batch.columns.items()
        if source.startswith(TOTALS_PREFIX)
    }
    return [{word: values[at] for word, values in stated.items()} for at in range(int(rows.sum()))]
