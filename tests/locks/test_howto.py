"""The locks of docs/howto/replace-the-user-locks.md work as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

from maxbot.testing.locks import UserLocksContract

ROOT = Path(__file__).parents[2]


def test_the_locks_of_the_howto_pass_the_contract(tmp_path: Path) -> None:
    text = (ROOT / "docs/howto/replace-the-user-locks.md").read_text()
    files = re.findall(r"```python\n# (\S+)\n(.*?)```", text, re.DOTALL)
    assert [name for name, _ in files] == ["mylocks.py", "test_mylocks.py"]
    for name, source in files:
        (tmp_path / name).write_text(source)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "test_mylocks.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    promises = [name for name in dir(UserLocksContract) if name.startswith("test_")]
    assert done.returncode == 0, done.stdout
    assert f"{len(promises)} passed" in done.stdout
