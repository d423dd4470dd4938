"""The models that a component may ask, by the name of who runs them."""
