"""What came of contexts: counted by hour and by day, so that nobody has to read a million of them to know."""
