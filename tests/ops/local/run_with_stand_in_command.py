"""`python -m ops.local.environment`, with the stand-in for the command `meal-ledger`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from ops.local.environment import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], [sys.executable, str(Path(__file__).with_name("stand_in_command.py"))]))
