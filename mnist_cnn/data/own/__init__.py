"""People's own images, in whatever they come: folders, archives, tables, arrays.

`recognition` says what a path is and gives a `Source`; the source surveys its files once and hands out pixels block by
block; `dataset` makes of it a `Dataset` like any other.
"""
