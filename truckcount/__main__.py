"""Run the command line with ``python -m truckcount``."""

from truckcount.cli import main

if __name__ == "__main__":
    main()
