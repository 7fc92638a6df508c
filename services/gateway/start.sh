#!/bin/sh
# Starts Caddy with the file that MILLRACE_TLS asks for: off (the default), internal, or a host name.
set -eu
case "${MILLRACE_TLS:-off}" in
off | internal) file="${MILLRACE_TLS:-off}" ;;
*.*)
    file=public
    export MILLRACE_HOST="$MILLRACE_TLS"
    ;;
*)
    echo "gateway: MILLRACE_TLS is '$MILLRACE_TLS' (expected off, internal or a host name such as data.example.org)" >&2
    exit 1
    ;;
esac
exec caddy run --config "$(dirname "$0")/$file.caddy" --adapter caddyfile
