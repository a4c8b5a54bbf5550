"""Motion of road users: footprints, swept conflicts, surrogate safety measures, kinematic models. Arrays in, arrays out."""
