"""The words of the command line: each file one family of them; ``ops.cli`` lists them all."""
