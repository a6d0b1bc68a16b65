#!/bin/sh
# Runs the Hub as a user that may use the engine's socket, whose group is the engine's machine's and not known to an image.
set -e
socket=/var/run/docker.sock
if [ "$(id -u)" = 0 ]; then
  chown zoe:zoe /srv/zoe
  groups=1000
  if [ -S "$socket" ]; then groups=1000,$(stat -c %g "$socket"); fi
  export HOME=/srv/zoe USER=zoe LOGNAME=zoe
  exec setpriv --reuid=1000 --regid=1000 --groups="$groups" --inh-caps=-all -- "$@"
fi
exec "$@"
