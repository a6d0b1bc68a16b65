#!/bin/sh
# Makes what the parts of the installation know each other by, once; a second call changes nothing.
set -e
umask 077
folder=${1:-/secrets}
make() {
  [ -s "$folder/$1" ] && return
  python3 -c "import secrets; print(secrets.$3)" >"$folder/.$1"
  # Whom it is for: the database's and the proxy's programs run as users of their own.
  chown "$2" "$folder/.$1"
  mv "$folder/.$1" "$folder/$1"
}
chmod 711 "$folder"
make cookies 1000:1000 'token_hex(32)'
make proxy 1000:1000 'token_hex(32)'
make database 1000:1000 'token_hex(32)'
make password 1000:1000 'token_urlsafe(12)'
make administrator 1000:1000 'token_urlsafe(32)'
