"""Reads settings from environment variables, strictly; NAME_FILE=/run/secrets/name works for every NAME."""

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping

YES, NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


class SecretFiles(FileAwareMapping):
    """Takes a file's text without the line end that editors and shells put there: a key with one is refused."""

    def __getitem__(self, key: str) -> str:
        value: str = super().__getitem__(key)
        return value.rstrip("\r\n")


class Environment(environ.Env):
    """The environment, with secrets from files. What cannot be read is an error, never a silent default.

    Raises:
        ImproperlyConfigured: on reading a value of another kind, such as PORT=web or PRODUCTION=treu.
    """

    ENVIRON = SecretFiles()

    def get_value(self, var: str, cast: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return a variable's value as ``cast``."""
        if cast is bool:
            self._refuse_unclear(var)
        try:
            return super().get_value(var, cast, *args, **kwargs)
        except ValueError as exc:
            raise ImproperlyConfigured(f"{var} is {self.ENVIRON[var]!r}; set it to a whole number.") from exc

    def _refuse_unclear(self, var: str) -> None:
        value = self.ENVIRON.get(var)
        if value is not None and value.strip().lower() not in (*YES, *NO):
            raise ImproperlyConfigured(f"{var} is {value!r}; set it to 1 or 0.")
