"""Client of the registry's HTTP API, for commands, simulators and judges."""
