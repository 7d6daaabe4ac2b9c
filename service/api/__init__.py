"""The HTTP face of the service; `docs/http-api.md` is its contract."""
