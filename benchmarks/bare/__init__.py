"""The least that a POST can be: what the API is measured against. Mounted by the settings here, and nowhere else."""
