"""Trials of a template before it is published: on a sample beside the live version, or on contexts of the past."""
