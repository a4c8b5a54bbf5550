"""A run on the test track: people and vehicles arm, say that they are ready, run, and are told to abort when one is lost."""
