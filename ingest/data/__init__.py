"""Tables that ingest reads: data, not code."""
