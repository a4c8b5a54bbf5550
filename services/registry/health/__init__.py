"""How devices do: whether they are there, and whether they do what their profile says; raises alarms."""
