"""Make, list, rotate and revoke the keys of client apps."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from base import clock
from base.problems import InvalidInput, Problem
from users.access import Scope
from users.models import ApiKey, Organization
from users.rotation import apikey_rotate, overlap_of
from users.services import apikey_create, apikey_revoke, apikey_state, organization_default


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ArgumentTypeError(f"{text!r} is no time; write 2027-01-01 or 2027-01-01T12:00:00Z") from exc
    return clock.cut_to_milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


class Command(BaseCommand):
    """Keys for people at a terminal; ``create`` and ``rotate`` print the key, alone, on their last line."""

    help = "Make, list, rotate and revoke the API keys of client apps."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="make a key; it is printed alone on the last line")
        create.add_argument("--name", required=True, help="the app that uses the key")
        create.add_argument(
            "--scopes", required=True, type=_list, metavar="A,B", help=", ".join(scope.value for scope in Scope)
        )
        create.add_argument("--organization", metavar="ID", help="whose key; the default organization without it")
        create.add_argument("--rate", default="", help="such as 100/min; no limit without it")
        create.add_argument("--expires", type=_moment, metavar="TIME", help="such as 2027-01-01; never without it")
        listing = actions.add_parser("list", help="show the keys there are, never their secrets")
        listing.add_argument("--organization", metavar="ID", help="only this organization's keys")
        rotate = actions.add_parser("rotate", help="make a key that replaces another; printed alone on the last line")
        rotate.add_argument("id", metavar="ID", help="the key to replace")
        rotate.add_argument("--overlap", default="24h", metavar="TIME", help="how long the old key works: 24h, 30m, 0s")
        revoke = actions.add_parser("revoke", help="end a key at once")
        revoke.add_argument("id", metavar="ID", help="such as key_01JD...; 'apikey list' shows them")

    def handle(self, *args: Any, **options: Any) -> None:
        actions = {"create": self._create, "list": self._list, "rotate": self._rotate, "revoke": self._revoke}
        try:
            actions[options["action"]](options)
        except OperationalError as exc:
            raise CommandError(f"The database is not ready ({exc}); run 'manage.py migrate' first.") from exc

    def _create(self, options: dict[str, Any]) -> None:
        organization = _organization(options["organization"])
        try:
            key, secret = apikey_create(
                name=options["name"],
                organization=organization,
                scopes=options["scopes"],
                rate=options["rate"],
                expires_at=options["expires"],
            )
        except InvalidInput as exc:
            raise CommandError(" ".join(f"{_option(fault.path)}: {fault.message}" for fault in exc.errors)) from exc
        until = clock.to_iso(key.expires_at) if key.expires_at else "it is revoked"
        self.stdout.write(f"Made {key.pk} ({key.name}) for {organization.name} ({organization.pk}).")
        self.stdout.write(f"It may {', '.join(key.scopes)}, at {key.rate or 'any rate'}, until {until}.")
        self.stdout.write("Send it as 'Authorization: Bearer KEY'. Keep it now: it cannot be shown again.")
        self.stdout.write(secret)

    def _list(self, options: dict[str, Any]) -> None:
        keys = ApiKey.objects.select_related("organization").order_by("pk")
        if options["organization"]:
            keys = keys.filter(organization=_organization(options["organization"]))
        rows = [_row(key) for key in keys]
        if not rows:
            self.stdout.write("There are no keys yet; 'apikey create' makes one.")
        for row in rows:
            self.stdout.write("  ".join(row))

    def _rotate(self, options: dict[str, Any]) -> None:
        key = _key(options["id"])
        try:
            made = apikey_rotate(key, overlap=overlap_of(options["overlap"]))
        except Problem as exc:
            raise CommandError(exc.detail.replace("/overlap", "--overlap")) from exc
        self.stdout.write(f"Made {made.key.pk} ({made.key.name}) with the same rights as {key.pk}.")
        self.stdout.write(f"The old key works until {clock.to_iso(made.old_until)}; 'apikey revoke' ends it at once.")
        self.stdout.write("Keep the new one now: it cannot be shown again.")
        self.stdout.write(made.secret)

    def _revoke(self, options: dict[str, Any]) -> None:
        key = _key(options["id"])
        apikey_revoke(key)
        self.stdout.write(f"Revoked {key.pk} ({key.name}); requests that carry it are refused from now on.")


def _key(key_id: str) -> ApiKey:
    key = ApiKey.objects.select_related("organization").filter(pk=key_id).first()
    if key is None:
        raise CommandError(f"There is no key {key_id}; 'apikey list' shows those there are.")
    return key


def _option(path: str) -> str:
    return "--expires" if path == "/expires_at" else f"--{path.strip('/')}"


def _organization(organization_id: str | None) -> Organization:
    organization = (
        Organization.objects.filter(pk=organization_id).first() if organization_id else organization_default()
    )
    if organization is None:
        known = ", ".join(Organization.objects.values_list("pk", flat=True)[:20]) or "none yet"
        raise CommandError(f"There is no organization {organization_id}; there are: {known}.")
    return organization


def _row(key: ApiKey) -> list[str]:
    used = f"used {clock.to_iso(key.last_used_at)}" if key.last_used_at else "never used"
    facts = [key.pk, f"{key.prefix}…", apikey_state(key), key.organization_id, key.name]
    replaces = [f"replaces {key.replaces_id}"] if key.replaces_id else []
    until = [f"until {clock.to_iso(key.expires_at)}"] if key.expires_at else []
    return [*facts, ",".join(key.scopes), key.rate or "any rate", used, *until, *replaces]
