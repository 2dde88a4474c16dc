"""`python -m nas`: the command line, where the script `nas` is not on the path."""

from nas.cli import main

if __name__ == "__main__":
    main()
