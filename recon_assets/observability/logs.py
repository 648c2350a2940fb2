"""Log lines: one JSON object each, or for people, on the standard error, with the run and the day that they are about.

Every logger of the process goes through here, the libraries' too. Ours log counts, names and our own ids, never payment
values; what libraries say is cleaned of secrets and card-like numbers (`cleaning`), and of an exception only its type
and place are told, since its words may quote a record. Not here: what Dagster keeps for its UI.
"""

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, Final, Literal

from recon_assets.observability.cleaning import cleaned

LogFormat = Literal["console", "json"]
CONTEXT: Final = ("run_id", "processor", "business_date", "stage")
"""On every line, null outside a stage. The run is Dagster's."""
OURS: Final = "recon_assets"
MAX_PLACES: Final = 20
"""Frames that are told of an exception, the innermost."""

_Line = MutableMapping[str, Any]


def install(kind: LogFormat | None) -> None:
    """Send what this process logs to the standard error, as lines of `kind`; None leaves logging as Python has it.

    Once however often it is called. In JSON our own loggers tell what is normal too, such as that a stage begins; not
    the libraries': SQLAlchemy would tell values.
    """
    if kind is None:
        return
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, LinesHandler)]:
        root.removeHandler(handler)
    root.addHandler(LinesHandler(kind))
    logging.getLogger(OURS).setLevel(logging.INFO if kind == "json" else logging.NOTSET)


@contextmanager
def stage_context(*, run_id: str, processor: str, business_date: str, stage: str) -> Iterator[None]:
    """Every line of this thread until the end is about this stage."""
    if "structlog" not in sys.modules:  # nothing of this process makes lines (`formatter`)
        yield
        return
    from structlog.contextvars import bound_contextvars

    with bound_contextvars(run_id=run_id, processor=processor, business_date=business_date, stage=stage):
        yield


class LinesHandler(logging.Handler):
    """Writes to what the standard error is at that moment."""

    def __init__(self, kind: LogFormat) -> None:
        super().__init__()
        self.setFormatter(formatter(kind))

    def emit(self, record: logging.LogRecord) -> None:
        """One write for a line, so that lines of threads do not mix. A record that can't be told stops nobody."""
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 (as every handler of the library: it says so on the standard error)
            self.handleError(record)


def formatter(kind: LogFormat) -> logging.Formatter:
    """What makes a line of a record, ours or a library's."""
    import structlog

    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    if kind == "json":
        last: list[Any] = [_with_context, structlog.processors.JSONRenderer(ensure_ascii=False, default=_named)]
    else:
        last = [structlog.dev.ConsoleRenderer(colors=False)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _without_words, _cleaned, *last],
    )


def _with_context(_logger: Any, _method: str, line: _Line) -> _Line:
    first = {name: line.pop(name, None) for name in ("timestamp", "level", "event", *CONTEXT)}
    return first | dict(line)


def _without_words(_logger: Any, _method: str, line: _Line) -> _Line:
    """An exception by its type and where it was raised."""
    told = line.pop("exc_info", None)
    line.pop("stack_info", None)
    if isinstance(told, tuple) and told[0] is not None:
        frames = traceback.extract_tb(told[2])[-MAX_PLACES:]
        line["error"] = told[0].__name__
        line["places"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return line


def _cleaned(_logger: Any, _method: str, line: _Line) -> _Line:
    return {name: _clean(value) for name, value in line.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return cleaned(value)
    if isinstance(value, Mapping):
        return {str(name): _clean(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    if value is None or isinstance(value, bool | float):  # a float is never money here
        return value
    if isinstance(value, int):
        text = cleaned(str(value))  # a card number may come as one
        return value if text == str(value) else text
    return _named(value)


def _named(value: object) -> str:
    """Of anything else the type: its text could hold values."""
    return f"<{type(value).__name__}>"
