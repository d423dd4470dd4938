"""Templates as files: export, and import with a dry run."""
