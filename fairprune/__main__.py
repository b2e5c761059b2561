"""The command, as `python -m fairprune`."""

from __future__ import annotations

from fairprune.cli import main

if __name__ == "__main__":
    main()
