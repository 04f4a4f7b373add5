"""The tables, a file each, with the operations that the path of a message needs of them."""
