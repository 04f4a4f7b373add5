"""Stories: conversations that a bot must have, as files. Run by `maxbot stories` and by pytest.

    read.py   files → stories    run.py     a story → its result
    report.py a result → text    pytest_plugin.py

What a file may hold is declared beside the rest of the language, in `bot/read/stories.py`.
"""
