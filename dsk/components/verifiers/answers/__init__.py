"""Answers as text and as form: where a response states one, and what can be decided of two without computer algebra."""
