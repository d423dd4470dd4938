"""Addresses below /api of contexts and batches."""

from django.urls import path

from contexts.api import batches, content, contexts, live, moves, webhooks

urlpatterns = [
    path("contexts", contexts.ContextsView.as_view()),
    path("contexts/bulk", batches.BulkView.as_view()),
    path("contexts/<str:context_id>", contexts.ContextView.as_view()),
    path("contexts/<str:context_id>/steps", contexts.StepsView.as_view()),
    path("contexts/<str:context_id>/events", live.ContextEventsView.as_view()),
    path("contexts/<str:context_id>/content", content.ContentView.as_view()),
    path("contexts/<str:context_id>/retry", moves.RetryView.as_view()),
    path("contexts/<str:context_id>/cancel", moves.CancelView.as_view()),
    path("batches", batches.BatchesView.as_view()),
    path("batches/<str:batch_id>", batches.BatchView.as_view()),
    path("batches/<str:batch_id>/events", live.BatchEventsView.as_view()),
    path("batches/<str:batch_id>/cancel", batches.BatchCancelView.as_view()),
    path("batches/<str:batch_id>/retry-failed", batches.BatchRetryView.as_view()),
    path("webhooks", webhooks.WebhooksView.as_view()),
    path("webhooks/<str:webhook_id>", webhooks.WebhookView.as_view()),
    path("webhooks/<str:webhook_id>/rotate-secret", webhooks.WebhookRotateView.as_view()),
    path("webhooks/<str:webhook_id>/test", webhooks.WebhookTestView.as_view()),
    path("webhooks/<str:webhook_id>/deliveries", webhooks.DeliveriesView.as_view()),
    path("webhooks/<str:webhook_id>/deliveries/<str:delivery_id>", webhooks.DeliveryView.as_view()),
    path("webhooks/<str:webhook_id>/deliveries/<str:delivery_id>/redeliver", webhooks.RedeliverView.as_view()),
]
