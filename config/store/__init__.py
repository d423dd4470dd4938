"""Looks at the stores and carries their contents: what `manage.py store` does."""
