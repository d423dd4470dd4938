"""One wish for many contexts: over a whole filter, in the background, tried on a few first."""
