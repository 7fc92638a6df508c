"""`python -m millrace.cli`, where the command is not on PATH."""

from millrace.cli.main import main

main()
