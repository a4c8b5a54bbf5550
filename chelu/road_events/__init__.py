"""Road events and signs that a site tells of: what there is to tell, and how it is said on the air."""
