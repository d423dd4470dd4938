"""The address of the library's files, below the one that MEDIA_URL names."""

from django.urls import path

from media_app.views import media_file

urlpatterns = [path("<str:name>", media_file, name="media-file")]
