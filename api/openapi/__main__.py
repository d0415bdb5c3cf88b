"""`python -m api.openapi`: write `openapi.json` anew, in the root of the repository."""

from api.openapi.committed import FILE, description


def main() -> None:
    """Write the file."""
    FILE.write_text(description(), encoding="utf-8")
    print(f"wrote {FILE}")


if __name__ == "__main__":
    main()
