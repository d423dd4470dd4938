"""The media library in the admin. Importing a module registers its pages."""

from media_app.admin import pages

__all__ = ["pages"]
