"""The templates' part of the API."""

from django.urls import path

from templates_app import api, write_api

urlpatterns = [
    path("templates", write_api.TemplatesView.as_view(), name="template-list"),
    path("templates/<str:id>", write_api.TemplateView.as_view(), name="template-detail"),
    path("templates/<str:id>/versions", api.TemplateVersionListView.as_view(), name="template-versions"),
    path("templates/<str:id>/versions/<int:number>", write_api.VersionView.as_view(), name="template-version"),
    path("templates/<str:id>/draft", write_api.DraftView.as_view(), name="template-draft"),
    path("templates/<str:id>/publish", write_api.PublishView.as_view(), name="template-publish"),
    path("templates/<str:id>/roll-back", write_api.RollBackView.as_view(), name="template-roll-back"),
]
