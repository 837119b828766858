"""One module for each family of commands; ``dateline.cli`` puts them together."""
