"""What Jinja makes of our templates, kept where Python keeps what it makes of our modules: in `__pycache__`.

Compiling them takes longer than anything else of a small day's report. Kept like Python's own bytecode: beside the
program, so that whoever may write it may write the program too; not where `PYTHONDONTWRITEBYTECODE` forbids it or the
folder can't be written; and no longer used when template, Python, Jinja or its options are others. An image or an
installation that nobody may write to has them from `python -m recon_assets.reports.page_templates`.
"""

import os
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import jinja2
from jinja2.bccache import Bucket

_FOLDER: Final = Path(__file__).with_name("__pycache__")


class CompiledTemplates(jinja2.BytecodeCache):
    """One file per template in `folder`. What can't be read or written is compiled anew.

    `options` names those of the environment that make it compile the same text to something else.
    """

    def __init__(self, options: str, *, folder: Path = _FOLDER) -> None:
        self._folder = folder
        self._kind = sha256(f"{jinja2.__version__} {sys.implementation.cache_tag} {options}".encode()).hexdigest()[:8]

    def load_bytecode(self, bucket: Bucket) -> None:
        """What is kept, unless it is of another template, Python or Jinja."""
        with suppress(OSError, EOFError, ValueError, TypeError), self._file(bucket).open("rb") as kept:
            bucket.load_bytecode(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Whole or not at all: others read at the same time."""
        if sys.dont_write_bytecode or not os.access(self._folder, os.W_OK):
            return
        with suppress(OSError), TemporaryDirectory(prefix="templates-", dir=self._folder) as folder:
            unfinished = Path(folder) / "unfinished"
            with unfinished.open("wb") as file:
                bucket.write_bytecode(file)
            unfinished.replace(self._file(bucket))

    def _file(self, bucket: Bucket) -> Path:
        return self._folder / f"template-{bucket.key}-{self._kind}.cache"
