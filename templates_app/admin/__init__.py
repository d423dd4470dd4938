"""The admin of templates."""

from templates_app.admin.pages import TemplateAdmin

__all__ = ["TemplateAdmin"]
