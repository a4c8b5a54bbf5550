"""A device under test in the loop: a real device or program hears what an actor would hear, and what it warns of is judged."""
