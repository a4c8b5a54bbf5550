"""Motion of road users as arrays: footprints, conflicts, safety measures, physics."""
