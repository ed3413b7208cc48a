"""Where rendering happens: one process per device, the same messages to and from each."""
