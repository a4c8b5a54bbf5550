"""The kernel of Chelu: what at least two components share."""
