"""Write the JSON Schemas of the messages to docs/schemas; a test fails where they are not up to date."""

import json
from pathlib import Path

from stream.messages import MESSAGES

FOLDER = Path(__file__).parent.parent / "docs" / "schemas"


def schemas() -> dict[str, str]:
    """Return file name → text for each message."""
    found = {}
    for message in MESSAGES:
        name = str(message.model_fields["schema_"].default).replace("/", "-")
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **message.model_json_schema(mode="serialization")}
        found[f"{name}.json"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return found


def main() -> None:
    """Write every file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"docs/schemas/{name}")


if __name__ == "__main__":
    main()
