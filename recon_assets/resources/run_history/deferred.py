"""Modules of Dagster that a run of this process has no use for, imported when somebody has.

To be a storage of Dagster, a class is derived from one in `dagster._core.storage.event_log.base` or `...runs.base`.
Importing these executes the packages around them, which offer the same name and beside it every storage that Dagster
has: SQLAlchemy, Alembic, SQLite, the daemon with its gRPC, some 350 modules. Here such a package is put in its place
without being executed: for the one name `base` is imported, and the first question for anything else executes it, once,
as an import would have. So whoever uses Dagster's own storage gets it as ever.

A module that this Dagster does not have, or that is imported already, is left alone.
"""

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from threading import RLock
from types import ModuleType
from typing import Any, Final

AlembicVersion = tuple[str | None, str | tuple[str, ...] | None]
"""As `dagster._core.storage.sql` has it: the one name that both bases want of that module, for an annotation."""

_RUNS: Final = "dagster._core.storage.runs"
_OF_BASE: Final = {
    "dagster._core.storage.event_log": "EventLogStorage",
    _RUNS: "RunStorage",
    "dagster._core.storage.schedules": "ScheduleStorage",
}
"""Packages, and what Dagster's instance wants of each, which is in its `base`."""

_BY_TELEMETRY: Final = "SqlRunStorage"
"""What Dagster's telemetry imports from `runs` before it looks whether it is switched off."""

DEFERRED: Final = (*_OF_BASE, "dagster._core.storage.sql", "dagster._daemon")

_executing: Final = RLock()


def defer() -> None:
    """Put these modules in their places."""
    for name in DEFERRED:
        if name in sys.modules or (spec := find_spec(name)) is None:
            continue
        module = module_from_spec(spec)
        module.__class__ = _Deferred
        if name == "dagster._core.storage.sql":
            module.__dict__["AlembicVersion"] = AlembicVersion
        sys.modules[name] = module
        parent, _, own_name = name.rpartition(".")
        setattr(sys.modules[parent], own_name, module)


class _Deferred(ModuleType):
    """A module that is not executed yet. Asked for what it lacks it executes itself and is an ordinary one."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)  # how Python and its tools look at modules, not a wish for what is in one
        if name == _BY_TELEMETRY and self.__name__ == _RUNS:
            return _NamedOnly(self)
        if name == _OF_BASE.get(self.__name__):
            return getattr(import_module(f"{self.__name__}.base"), name)
        self.execute()
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None

    def execute(self: ModuleType) -> None:
        """Once, and not again from within: what it imports may ask it for what it does not have yet."""
        spec = self.__spec__
        assert spec is not None and spec.loader is not None, "it was made from its specification"
        with _executing:
            if type(self) is not _Deferred or "__executing__" in self.__dict__:
                return
            self.__dict__["__executing__"] = True
            try:
                spec.loader.exec_module(self)
                self.__class__ = ModuleType  # type: ignore[assignment]
            finally:
                del self.__dict__["__executing__"]


class _NamedOnly:
    """`SqlRunStorage` for whoever imports the name. Whoever then does something with it has the class itself."""

    def __init__(self, runs: ModuleType) -> None:
        self._runs = runs

    @property
    def _class(self) -> Any:
        _Deferred.execute(self._runs)  # an ordinary module by now, if somebody asked for it
        return self._runs.__dict__[_BY_TELEMETRY]

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._class)

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, self._class)

    def __mro_entries__(self, _bases: tuple[object, ...]) -> tuple[type, ...]:
        return (self._class,)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._class, name)
