"""Every address that Draftline answers."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

from config import health, metrics, problem_pages

handler400 = "base.problem_views.bad_request"
handler403 = "base.problem_views.forbidden"
handler404 = "base.problem_views.not_found"
handler500 = "base.problem_views.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(url="/api/docs")),
    path("favicon.ico", RedirectView.as_view(url=static("draftline.svg"))),  # browsers ask for it unbidden
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics.metrics),
    path("problems", problem_pages.problem_list),
    path("problems/<slug:slug>", problem_pages.problem_page),
    path("api/schema", SpectacularJSONAPIView.as_view(), name="schema"),
    # OPTIONS would be answered with the page's template, which has no words for it
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema", http_method_names=["get", "head"]), name="docs"),
    path("api/", include("contexts.api.urls")),
    path("api/", include("components.urls")),
    path("api/", include("templates_app.urls")),
    path("api/", include("media_app.urls")),
    path("api/", include("users.urls")),
    path("media/", include("media_app.file_urls")),
    path("admin/", admin.site.urls),
]
