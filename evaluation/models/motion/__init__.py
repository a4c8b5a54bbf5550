"""The motion model: its data, its training and its judge (card: docs/models/motion.md)."""
