"""Organizations, the people in them, and the keys of their client apps."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models

from base import clock
from base.fields import IdField
from base.ids import ID_MAX_LENGTH, new_id
from users.access import Role, role_has_app, role_has_permission

DEFAULT_ORGANIZATION_ID = "org_default"


def new_organization_id() -> str:
    return new_id("org")


def new_user_id() -> str:
    return new_id("user")


def new_key_id() -> str:
    return new_id("key")


class Organization(models.Model):
    """Who owns contexts; sees only its own rows."""

    id = IdField(new_organization_id)
    name = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        db_table = "organizations"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class OwnedOrShared(models.Model):
    """A row that belongs to one organization, or to all."""

    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        help_text="Empty: every organization uses it.",
    )

    class Meta:
        abstract = True


class UserManager(BaseUserManager["User"]):
    """Makes users whose name is compared in lower case (MongoDB has no safe case-blind match)."""

    def create_user(self, username: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(username=username.lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(username, password, role=Role.ADMINISTRATOR, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(username=(username or "").lower())


class User(AbstractBaseUser):
    """A person; the role says what they may do."""

    id = IdField(new_user_id)
    username = models.CharField(max_length=150, unique=True, validators=[UnicodeUsernameValidator()])
    name = models.CharField(max_length=200, blank=True)
    email = models.EmailField(blank=True)
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.CLIENT)
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        help_text="Empty for staff of Draftline.",
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        db_table = "users"
        ordering = ["username"]
        # unique=True alone is a partial index on MongoDB, which a look-up does not use
        indexes = [models.Index(fields=["username"], name="users_username")]

    def __str__(self) -> str:
        return self.username

    def clean(self) -> None:
        super().clean()
        self.username = self.username.lower()

    @property
    def is_staff(self) -> bool:
        """Tell whether the person may enter the admin."""
        return self.is_active and self.role != Role.CLIENT

    @property
    def is_superuser(self) -> bool:
        return self.is_active and self.role == Role.ADMINISTRATOR

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_active and role_has_permission(self.role, perm)

    def has_perms(self, perm_list: list[str], obj: object = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and role_has_app(self.role, app_label)

    def get_full_name(self) -> str:
        return self.name or self.username

    def get_short_name(self) -> str:
        return self.username


class ApiKey(models.Model):
    """A client app's key. Only its hash is stored: the key itself is shown once."""

    id = IdField(new_key_id)
    name = models.CharField(max_length=200)
    prefix = models.CharField(max_length=16, editable=False, help_text="How the key begins.")
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="api_keys")
    scopes = models.JSONField(default=list)
    rate = models.CharField(max_length=20, blank=True, help_text="Such as 100/min; empty for no limit.")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    replaces = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="replaced_by"
    )

    class Meta:
        db_table = "api_keys"
        ordering = ["-id"]
        verbose_name = "API key"
        indexes = [models.Index(fields=["key_hash"], name="api_keys_hash")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotencyKey(models.Model):
    """That a key was used, for what, and which id its resource has. The id is sha256(organization, route, key).

    Staff without an organization have keys of their own: theirs belong to none.
    """

    id = models.CharField("id", primary_key=True, max_length=64, db_column="_id", editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, null=True)
    body_hash = models.CharField(max_length=64)
    resource_id = models.CharField(max_length=ID_MAX_LENGTH)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "idempotency_keys"
        indexes = [models.Index(fields=["created_at"], name="idempotency_created")]

    def __str__(self) -> str:
        return self.pk
