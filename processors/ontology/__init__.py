"""PLOVER's types and the rules of its manual, as tables."""
