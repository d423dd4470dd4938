"""Components and pipelines: their part of the API."""

from django.urls import path

from components.api import ComponentsView, PipelinesView

urlpatterns = [
    path("components", ComponentsView.as_view(), name="component-list"),
    path("pipelines", PipelinesView.as_view(), name="pipeline-list"),
]
