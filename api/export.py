"""Writes the schema as clients see it: `python -m api.export`; with `--check` it compares and writes nothing."""

import argparse
import sys
from pathlib import Path

from graphql import lexicographic_sort_schema, print_schema

from api.graphql import executable_schema

EXPORT = Path(__file__).with_name("schema_export.graphql")


def exported_schema() -> str:
    """The schema in its definition language, sorted, so that a difference is a difference of meaning."""
    return print_schema(lexicographic_sort_schema(executable_schema())) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 when `--check` finds the committed export out of date."""
    parser = argparse.ArgumentParser(prog="python -m api.export", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the file differs; write nothing")
    parser.add_argument("--file", type=Path, default=EXPORT, help="the file to write or to compare")
    options = parser.parse_args(arguments)
    schema = exported_schema()
    if not options.check:
        options.file.write_text(schema, encoding="utf-8")
        return 0
    if options.file.is_file() and options.file.read_text(encoding="utf-8") == schema:
        return 0
    sys.stderr.write(f"{options.file} is out of date: run `make export-schema` and commit the result\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
