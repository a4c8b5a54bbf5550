"""The closed loop of signals: what they say they show, who comes to their lines, and the commands that the controllers give."""
