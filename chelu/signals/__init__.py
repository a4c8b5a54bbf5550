"""A signal's stages and the limits that hold whoever asks: used at the signal itself, and where its control is judged."""
