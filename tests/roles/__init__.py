"""Who sees and does what in the admin: a walk over all pages and actions."""
