"""A user's own service, without a Hub: what it and those who speak with it agree upon.

It lives as long as a notebook server or an execution needs it, in a folder of the user's. Whoever finds it
there is its user: the folder, the socket and the file with the token are readable by that account alone.
"""
