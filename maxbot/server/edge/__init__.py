"""Where updates come in: HTTP and polling. Leaves what happens to them to the inbox."""
