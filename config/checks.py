"""System checks for settings that contradict each other: found at the start, not in the night.

Each has an id and a hint that says what to set. Source: https://docs.djangoproject.com/en/5.2/topics/checks/
"""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from config.supervisor import STOP_SECONDS

HEARTBEATS_PER_LEASE = 3
POSITIVE = (
    "WORKERS",
    "MAX_IN_FLIGHT",
    "LEASE_SECONDS",
    "HEARTBEAT_SECONDS",
    "LOOP_BLOCKED_SECONDS",
    "STEP_TIMEOUT_SECONDS",
    "CONTEXT_TIMEOUT_SECONDS",
    "DRAIN_SECONDS",
    "STOP_GRACE_SECONDS",
    "OPENAI_MAX_CONCURRENT",
    "MAX_BODY_BYTES",
    "LIVE_CONNECTIONS",
    "MEDIA_MAX_BYTES",
    "MEDIA_MAX_PIXELS",
)
NOT_NEGATIVE = ("OPENAI_REQUESTS_PER_MINUTE", "OPENAI_TOKENS_PER_MINUTE")
CACHE_SCHEMES = ("redis://", "rediss://", "unix://")


def check_engine(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Return what is wrong with the settings of workers, leases and queues."""
    if faults := list(_not_positive()):
        return faults  # the rest compares these numbers
    return [*_leases(), *_queues(), *_times()]


def _not_positive() -> Iterator[CheckMessage]:
    for name in POSITIVE:
        if (value := getattr(settings, name)) < 1:
            yield Error(f"{name} is {value}.", hint=f"Set {name} to at least 1.", id="draftline.E001")
    for name in NOT_NEGATIVE:
        if (value := getattr(settings, name)) < 0:
            yield Error(f"{name} is {value}.", hint=f"Set {name} to 0 for no limit, or higher.", id="draftline.E001")


def _leases() -> Iterator[CheckMessage]:
    heartbeat, lease = settings.HEARTBEAT_SECONDS, settings.LEASE_SECONDS
    if heartbeat * HEARTBEATS_PER_LEASE > lease:
        yield Error(
            f"A lease of {lease} s ends after fewer than {HEARTBEATS_PER_LEASE} heartbeats of {heartbeat} s.",
            hint=f"Set LEASE_SECONDS to at least {heartbeat * HEARTBEATS_PER_LEASE}, or HEARTBEAT_SECONDS lower.",
            id="draftline.E002",
        )


def _queues() -> Iterator[CheckMessage]:
    """django-q2 runs a task again after ``retry`` and ends it after ``timeout``: a drain must be over before both."""
    chores: dict[str, Any] = settings.Q_CLUSTER
    contexts = chores["ALT_CLUSTERS"]["contexts"]
    if contexts["timeout"] <= settings.DRAIN_SECONDS + settings.CONTEXT_TIMEOUT_SECONDS:
        yield Error(
            f"django-q2 ends a drain after {contexts['timeout']} s, while it may still work: it claims for "
            f"{settings.DRAIN_SECONDS} s and a context takes up to {settings.CONTEXT_TIMEOUT_SECONDS} s.",
            hint="Set the timeout of the contexts cluster above DRAIN_SECONDS + CONTEXT_TIMEOUT_SECONDS.",
            id="draftline.E003",
        )
    for name, cluster in (("contexts", contexts), ("chores", chores)):
        if cluster["timeout"] >= cluster["retry"]:
            yield Error(
                f"The cluster {name} gives a task to a second worker after {cluster['retry']} s, "
                f"but ends it only after {cluster['timeout']} s.",
                hint=f"Set the cluster's retry above {cluster['timeout']}.",
                id="draftline.E004",
            )


def _times() -> Iterator[CheckMessage]:
    if settings.STEP_TIMEOUT_SECONDS > settings.CONTEXT_TIMEOUT_SECONDS:
        yield Error(
            f"A step may take {settings.STEP_TIMEOUT_SECONDS} s, "
            f"but the whole context only {settings.CONTEXT_TIMEOUT_SECONDS} s.",
            hint="Set CONTEXT_TIMEOUT_SECONDS to at least STEP_TIMEOUT_SECONDS.",
            id="draftline.E005",
        )
    if settings.STOP_GRACE_SECONDS >= STOP_SECONDS:
        yield Error(
            f"A worker takes up to {settings.STOP_GRACE_SECONDS} s to stop, but is killed after {STOP_SECONDS:g} s.",
            hint=f"Set STOP_GRACE_SECONDS below {STOP_SECONDS:g}.",
            id="draftline.E006",
        )
    if settings.LOOP_BLOCKED_SECONDS >= settings.LEASE_SECONDS:
        yield Error(
            f"A blocked worker is noticed after {settings.LOOP_BLOCKED_SECONDS} s, "
            f"but its lease ends after {settings.LEASE_SECONDS} s already.",
            hint="Set LOOP_BLOCKED_SECONDS below LEASE_SECONDS.",
            id="draftline.E007",
        )


def check_web(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Return what is wrong with the settings of the web server and of outside services."""
    return [*_addresses(), *_services()]


def _addresses() -> Iterator[CheckMessage]:
    if not 1 <= settings.PORT <= 65535:
        yield Error(f"PORT is {settings.PORT}.", hint="Set PORT to a number from 1 to 65535.", id="draftline.E008")
    if settings.PRODUCTION and not settings.ALLOWED_HOSTS:
        yield Error(
            "PRODUCTION is set, but no host name is allowed: every request would be refused.",
            hint="Set ALLOWED_HOSTS to the names that the site is reached by, such as ALLOWED_HOSTS=content.example.",
            id="draftline.E009",
        )
    if settings.PRODUCTION and settings.DEBUG:
        yield Error(
            "PRODUCTION and DEBUG are both set: errors would show settings and data to anybody.",
            hint="Unset DEBUG.",
            id="draftline.E010",
        )


def _services() -> Iterator[CheckMessage]:
    if settings.REDIS_URL and not settings.REDIS_URL.startswith(CACHE_SCHEMES):
        yield Error(
            "REDIS_URL is no address of a Redis server.",
            hint="Write it as redis://host:6379/0.",
            id="draftline.E011",
        )
    if settings.OPENAI_BASE_URL and not settings.OPENAI_API_KEY:
        yield Warning(
            "OPENAI_BASE_URL is set without OPENAI_API_KEY: the offline provider writes the content.",
            hint="Set OPENAI_API_KEY; a server that asks for none takes any text.",
            id="draftline.W001",
        )


def check_production(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Return what speaks against serving the public with these settings; part of ``check --deploy``."""
    return [*_https(), *_hosts()]


def _https() -> Iterator[CheckMessage]:
    if not settings.PRODUCTION:
        yield Warning(
            "PRODUCTION is not set: cookies and pages travel without HTTPS.",
            hint="Set PRODUCTION=1 where others than you reach the site.",
            id="draftline.W002",
        )
    elif settings.SECURE_SSL_REDIRECT and not getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        yield Warning(
            "Plain HTTP is redirected to HTTPS, but Draftline itself speaks plain HTTP only: "
            "behind a proxy every request would be redirected for ever.",
            hint="Set BEHIND_PROXY=1 where a proxy ends HTTPS and sets X-Forwarded-Proto.",
            id="draftline.W003",
        )


def _hosts() -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield Warning(
            "ALLOWED_HOSTS takes any name: a forged Host header ends up in links.",
            hint="Name the hosts that the site is reached by.",
            id="draftline.W004",
        )
