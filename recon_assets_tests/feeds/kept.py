"""A store of secrets for tests."""

from pydantic import SecretStr


class Kept:
    """In memory. Counts how often it was asked."""

    where = "a store"

    def __init__(self, **values: str) -> None:
        self._values, self.asked = values, 0

    def values(self) -> dict[str, SecretStr]:
        self.asked += 1
        return {name: SecretStr(value) for name, value in self._values.items()}
