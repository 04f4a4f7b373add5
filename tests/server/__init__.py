"""The edge and its processes, with real processes and sockets."""
