"""The learned signal policy: examples from driving, a network that learns from them, and its file."""
