"""What a component may raise. Everything else counts as permanent, with its traceback for staff only."""

from typing import ClassVar


class ComponentError(Exception):
    """A step could not be done; the message says why in words that a person understands."""

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, type: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.type = type or self.default_type

    default_type: ClassVar[str] = "permanent_error"


class PermanentError(ComponentError):
    """Trying again would not help until somebody changes something."""


class TransientError(ComponentError):
    """Trying again may help.

    Args:
        retry_after: seconds that the other side asked us to wait; None for our own back-off.
    """

    retryable = True
    default_type = "transient_error"

    def __init__(self, message: str, *, retry_after: float | None = None, type: str = "") -> None:
        super().__init__(message, type=type)
        self.retry_after = retry_after


class ProviderBusy(TransientError):
    """A model provider takes no call now: it asked to be left alone, or a limit of ours is reached.

    No fault of the context: waiting costs it none of its retries.

    Args:
        waiting_for: the reason in plain words, such as "provider openai until 2026-11-24T10:31:00Z".
    """

    default_type = "provider_busy"

    def __init__(self, waiting_for: str, *, retry_after: float) -> None:
        super().__init__(f"It waits for {waiting_for}.", retry_after=retry_after)
        self.waiting_for = waiting_for
