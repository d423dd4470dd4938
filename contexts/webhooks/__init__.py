"""Webhooks: tell a client's own server that a context or a batch has ended."""
