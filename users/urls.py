"""The API's part about people and keys."""

from django.urls import path

from users.api import MeView

urlpatterns = [path("me", MeView.as_view(), name="me")]
