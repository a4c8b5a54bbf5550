"""What was: a site's stored moments as columns for a map, and its warnings with what became of them."""
