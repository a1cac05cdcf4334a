"""The commands of the command line, grouped by topic. ``ops.cli`` lists all of them."""
