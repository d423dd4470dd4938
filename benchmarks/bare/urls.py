"""Draftline's addresses and the bare view."""

from django.urls import path

from benchmarks.bare.views import BareView
from config.urls import urlpatterns as draftline

urlpatterns = [*draftline, path("bare/contexts", BareView.as_view())]
