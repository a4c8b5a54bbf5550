"""What devices are told to do, and what became of it: configuration, commands, upgrades, on one machine of states."""
