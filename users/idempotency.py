"""Makes a request that creates safe to send twice: the client names it with an Idempotency-Key.

Order of writes: first the row of the key, with the id that the resource will have; then the resource with that id.
After a crash between the two, the same request finds the id and finishes. A row is only written for a request that
is valid, so that a client may correct its body and keep the key.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError

from base import clock
from base.inserting import insert
from base.prepared import Prepared
from base.problems import Conflict, Fault, IdempotencyMismatch, InvalidInput
from users.models import IdempotencyKey

HEADER = "Idempotency-Key"
MAX_KEY_LENGTH = 255
KEPT = timedelta(hours=24)


@dataclass(frozen=True)
class Idempotency:
    """One key as an organization used it on one route, and the body that came with it.

    Args:
        organization_id: None for staff without an organization.
    """

    organization_id: str | None
    route: str
    key: str
    body_hash: str

    @property
    def row_id(self) -> str:
        """Return what the row is found by; JSON keeps apart what plain joining would mix up."""
        return _sha256(json.dumps([self.organization_id, self.route, self.key]))

    def find(self) -> str | None:
        """Return the id of the resource that this key stands for, None for a new key.

        Raises:
            IdempotencyMismatch: the key was used with another body.
        """
        row = _known_key.find(self.row_id)
        if row is None:
            return None
        if row.body_hash != self.body_hash:
            raise IdempotencyMismatch(
                "This key came with another body before. Repeat that body exactly, or take a new key."
            )
        return row.resource_id

    def reserve(self, resource_id: str) -> bool:
        """Note the id before the resource is stored. False: a twin of this request was faster, `find` tells its id."""
        row = IdempotencyKey(
            id=self.row_id,
            organization_id=self.organization_id,
            body_hash=self.body_hash,
            resource_id=resource_id,
        )
        try:
            insert([row])
        except IntegrityError:
            if self.find() is None:  # not a twin: the organization is gone
                raise Conflict("The key could not be stored; send the request again.") from None
            return False
        return True

    def claim(self, new_id: str) -> tuple[str, bool]:
        """Return the id that the resource has or must get, and whether this request is the first with its key.

        Raises:
            IdempotencyMismatch: the key was used with another body.
        """
        known = self.find()
        if known is not None:
            return known, False
        return (new_id, True) if self.reserve(new_id) else self.claim(new_id)


_known_key = Prepared(lambda row_id: IdempotencyKey.objects.filter(pk=row_id))


def idempotency_of(header: str | None, *, organization_id: str | None, route: str, body: Any) -> Idempotency | None:
    """Read the header; None where the client sent none.

    The body is compared by its meaning, as canonical JSON: a client that builds its body anew for the second try may
    order the keys or space them otherwise.

    Raises:
        InvalidInput: the key is empty, too long, or not printable ASCII.
    """
    if header is None:
        return None
    if not (0 < len(header) <= MAX_KEY_LENGTH and header.isascii() and header.isprintable()):
        raise InvalidInput([Fault(HEADER, f"Send 1 to {MAX_KEY_LENGTH} printable ASCII characters.")])
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return Idempotency(organization_id, route, header, _sha256(canonical))


def idempotency_prune() -> None:
    """Forget the keys that are older than we promise to keep them; the sweep calls it."""
    IdempotencyKey.objects.filter(created_at__lt=clock.now() - KEPT).delete()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
