"""The admin of component settings and pipelines."""

from components.admin.component_pages import ComponentAdmin
from components.admin.pipeline_pages import PipelineAdmin

__all__ = ["ComponentAdmin", "PipelineAdmin"]
