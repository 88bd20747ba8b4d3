"""How good a network is, where it is wrong, and how sure it is."""
