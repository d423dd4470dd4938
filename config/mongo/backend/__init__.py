"""django-mongodb-backend, whose queries are put so that MongoDB can read along its indexes."""
