"""Measures maxbot, aiogram and the floor side by side; README.md says how to repeat it and what to make of it.

systems.py     what is compared, and the command that starts each
measure.py     one round of one system: start-up, highest load, half of it, memory
report.py      medians, ratios, the table
memory.py      whether memory depends on how many users were ever seen
echo.yaml, aiogram_echo.py, floor.py    the three bots
"""
