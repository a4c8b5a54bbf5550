"""The quality monitors over recordings and over what a site has stored: commands, not services."""
