"""``python -m zoe_hub.embedded``: started by the extension of a Jupyter server, which says the rest on stdin."""

from .service import main

if __name__ == "__main__":
    main()
