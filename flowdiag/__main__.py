"""`python -m flowdiag` is the command line."""

from flowdiag.cli import main

if __name__ == "__main__":
    main(prog_name="flowdiag")
