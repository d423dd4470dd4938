"""The admin's pages, as somebody who is logged in asks for them."""
