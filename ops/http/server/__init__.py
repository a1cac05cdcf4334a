"""What stands before every route: the listening sockets, connections and their bounds, who may ask what."""
