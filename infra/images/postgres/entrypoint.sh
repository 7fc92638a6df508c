#!/bin/sh
# The official image's first start: makes the cluster, the user and the database, runs /docker-entrypoint-initdb.d.
#
# Reads POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB and POSTGRES_INITDB_ARGS, each also as <name>_FILE, and
# POSTGRES_HOST_AUTH_METHOD. Starts as root or, with a volume of its own, as 999:999 on a read-only root.
set -eu

say() { printf '%s\n' "entrypoint: $1" >&2; }
fail() {
    say "$1"
    exit 1
}

# from_file NAME DEFAULT: sets NAME from the file that NAME_FILE names, else from itself, else to the default.
from_file() {
    eval "value=\${$1:-} file=\${$1_FILE:-}"
    [ -z "$value" ] || [ -z "$file" ] || fail "both $1 and $1_FILE are set; leave one out"
    # shellcheck disable=SC2154
    [ -z "$file" ] || value="$(cat "$file")"
    eval "$1=\${value:-\$2}"
    unset "$1_FILE"
}

make_cluster() {
    [ -n "$POSTGRES_PASSWORD" ] || [ "${POSTGRES_HOST_AUTH_METHOD:-}" = trust ] ||
        fail "no password for $POSTGRES_USER; set POSTGRES_PASSWORD_FILE or POSTGRES_PASSWORD"
    if [ -n "$POSTGRES_PASSWORD" ]; then
        printf '%s\n' "$POSTGRES_PASSWORD" |
            eval "initdb --username=\"\$POSTGRES_USER\" --pwfile=/dev/stdin $POSTGRES_INITDB_ARGS"
    else
        eval "initdb --username=\"\$POSTGRES_USER\" $POSTGRES_INITDB_ARGS"
    fi
    printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
}

run_sql() { psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"; }

run_first_start_scripts() {
    for script in /docker-entrypoint-initdb.d/*; do
        case "$script" in
        *.sh)
            say "running $script"
            # shellcheck disable=SC1090
            if [ -x "$script" ]; then "$script"; else . "$script"; fi
            ;;
        *.sql) say "running $script" && run_sql --file "$script" ;;
        *.sql.gz) say "running $script" && gunzip -c "$script" | run_sql ;;
        */\*) ;;
        *) say "ignoring $script" ;;
        esac
    done
}

# A server that only this container reaches, so that nobody meets a database that is half made.
with_private_server() {
    postgres "$@" -c listen_addresses='' &
    server=$!
    until pg_isready --quiet --username "$POSTGRES_USER"; do
        kill -0 $server 2>/dev/null || fail "the server for the first start did not come up; see above"
        sleep 0.1
    done
    export POSTGRES_USER POSTGRES_DB POSTGRES_PASSWORD PGPASSWORD="${PGPASSWORD:-$POSTGRES_PASSWORD}"
    if [ "$POSTGRES_DB" != postgres ]; then
        psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname postgres --quiet \
            --set database="$POSTGRES_DB" <<'SQL'
CREATE DATABASE :"database";
SQL
    fi
    run_first_start_scripts
    kill -INT $server
    wait $server
    unset PGPASSWORD POSTGRES_PASSWORD
}

case "${1:-}" in
-*) set -- postgres "$@" ;;
postgres) ;;
*) exec "$@" ;;
esac

if [ "$(id -u)" = 0 ]; then
    install -d -m 0700 "$PGDATA"
    find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres:postgres '{}' +
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    from_file POSTGRES_USER postgres
    from_file POSTGRES_PASSWORD ""
    from_file POSTGRES_DB "$POSTGRES_USER"
    from_file POSTGRES_INITDB_ARGS ""
    # A cluster that is half made would be taken for a whole one at the next start.
    trap 'say "the first start failed; the next one begins anew" && rm -rf "${PGDATA:?}"/*' EXIT
    make_cluster
    shift
    with_private_server "$@"
    set -- postgres "$@"
    trap - EXIT
    say "first start is done"
fi
exec "$@"
