"""What Django's and django-q2's own apps need to run on MongoDB; used only when DATABASE_URL names one."""
