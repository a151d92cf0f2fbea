"""`python -m dsk` is `dsk`."""

from dsk.cli import main

if __name__ == "__main__":
    main()
