"""The command line: words in, words out. Nothing imports this room."""
