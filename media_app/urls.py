"""The library's part of the API."""

from django.urls import path

from media_app.api import MediaDetailView, MediaListView

urlpatterns = [
    path("media", MediaListView.as_view(), name="media-list"),
    path("media/<str:id>", MediaDetailView.as_view(), name="media-detail"),
]
