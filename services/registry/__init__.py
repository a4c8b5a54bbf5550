"""The register of sites, devices and people, and the operators' API."""
