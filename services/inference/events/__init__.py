"""Events and signs of the roadside: read from messages, kept while they hold, and laid before those who drive into them."""
