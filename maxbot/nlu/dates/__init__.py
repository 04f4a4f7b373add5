"""English dates and times in a text, relative to a time that is given.

`lexemes.py` cuts the text, `days.py`, `shifts.py` and `clock.py` read what stands at a place of it, `expressions.py`
joins what belongs together, `find.py` says which of it counts. Everything is read once from left to right.
"""
