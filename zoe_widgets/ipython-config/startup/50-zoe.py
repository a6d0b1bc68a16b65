"""Makes `%zoe` and a restarted notebook's clusters known to every kernel of this environment."""

get_ipython().extension_manager.load_extension("zoe_widgets")  # type: ignore[name-defined]  # noqa: F821
