"""The roof: the command line, and the one module that plugins import."""
