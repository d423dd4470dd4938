"""What a check of the stores finds: one fact a line, in plain words."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """``NOTE``: it works, but somebody should know. ``PROBLEM``: Draftline cannot be used, or not safely."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Fact:
    """One finding.

    Args:
        about: what was looked at, in one or two words.
        text: what was found, as a sentence without its full stop.
        advice: what to do, in whole sentences; empty where nothing is to be done.
    """

    about: str
    text: str
    state: State = State.OK
    advice: str = ""


def note(about: str, text: str, advice: str) -> Fact:
    return Fact(about, text, State.NOTE, advice)


def problem(about: str, text: str, advice: str) -> Fact:
    return Fact(about, text, State.PROBLEM, advice)


def are_usable(facts: list[Fact]) -> bool:
    """Tell whether Draftline can run on what was found."""
    return all(fact.state is not State.PROBLEM for fact in facts)


def line_of(fact: Fact) -> str:
    """Return the fact as people read it in a terminal."""
    advice = f" {fact.advice}" if fact.advice else ""
    return f"{fact.state.upper():<8} {fact.about:<14} {fact.text}.{advice}"


def short(exc: Exception) -> str:
    """Return an error's reason without what drivers append to it."""
    first_line = (str(exc) or type(exc).__name__).splitlines()[0]
    return first_line.split(" (configured timeouts")[0].split(", Timeout:")[0].rstrip(".")


def address_without_password(url: str) -> str:
    """Return the hosts and the path of an address; a log-in and options may hold secrets."""
    rest = url.partition("://")[2].partition("?")[0]
    return rest.rpartition("@")[2].strip("/")
