"""Parameters of the applications, per site: what a site has of its own, checked against the one schema, with every change."""
