"""What ``script/demo`` shows: a server of its own, a client that posts, and a screen that tells what happens."""
