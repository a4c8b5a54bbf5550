"""Cooperation on the live picture: who asks for what in phase II's applications, and what they are answered."""
