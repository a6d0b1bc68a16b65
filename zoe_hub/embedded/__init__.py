"""The service without a Hub, for one user: the same store, back end, controller and web, behind a private socket."""
