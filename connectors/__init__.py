"""The doors: everything that touches a network, a queue, a disk format or a warehouse. Imports schemas only."""
