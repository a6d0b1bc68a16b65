"""``python -m zoe_hub``: the Hub service."""

from .app import main

if __name__ == "__main__":
    main()
