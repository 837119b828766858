"""How the bundled English pipeline is made: corpora → MiniLM with heads → ONNX → a spaCy pipeline. Not part of the installed package."""
