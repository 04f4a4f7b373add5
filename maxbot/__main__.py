"""`python -m maxbot` is the same as `maxbot`."""

from maxbot.cli import main

if __name__ == "__main__":
    main()
