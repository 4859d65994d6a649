"""`python -m bimae`: the same as the command `bimae`."""

from bimae.cli.main import main

if __name__ == "__main__":
    main()
