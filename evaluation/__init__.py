"""The judges: what is fast, what is right, and the demo."""
