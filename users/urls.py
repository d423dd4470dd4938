"""The API's part about people and keys."""

from django.urls import path

from users.api import MeView, RotateKeyView

urlpatterns = [
    path("me", MeView.as_view(), name="me"),
    path("me/rotate-key", RotateKeyView.as_view(), name="rotate-key"),
]
