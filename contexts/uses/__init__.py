"""Which contexts' content shows an image of the media library."""
