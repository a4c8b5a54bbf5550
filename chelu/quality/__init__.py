"""Pure checks on batches: what is doubtful, and why."""
