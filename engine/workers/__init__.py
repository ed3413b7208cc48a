"""One process a device, behind one protocol: the words, both ends of the pipe, and a fake renderer."""
