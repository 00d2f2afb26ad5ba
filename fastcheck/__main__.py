"""``python -m fastcheck``."""

from fastcheck.cli import main

if __name__ == "__main__":
    main()
