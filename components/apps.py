"""The app of components and pipelines."""

from django.apps import AppConfig


class ComponentsConfig(AppConfig):
    name = "components"
    verbose_name = "Components and pipelines"
