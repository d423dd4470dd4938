"""The templates' part of the API."""

from django.urls import path

from templates_app.api import TemplateDetailView, TemplateListView, TemplateVersionListView

urlpatterns = [
    path("templates", TemplateListView.as_view(), name="template-list"),
    path("templates/<str:id>", TemplateDetailView.as_view(), name="template-detail"),
    path("templates/<str:id>/versions", TemplateVersionListView.as_view(), name="template-versions"),
]
