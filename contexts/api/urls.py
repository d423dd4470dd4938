"""Addresses below /api of contexts and batches."""

from django.urls import path

from contexts.api import views

urlpatterns = [
    path("contexts", views.ContextsView.as_view()),
    path("contexts/<str:context_id>", views.ContextView.as_view()),
]
