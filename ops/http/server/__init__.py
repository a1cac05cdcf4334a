"""The layers in front of every route: listening sockets, bounded connections, access control."""
