"""Many agents in one process that take orders; some of them lose, lie, dawdle, fill their disks: what campaigns are tried on."""
