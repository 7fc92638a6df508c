#!/bin/sh
# The official image's start: writes neo4j.conf from the environment, sets the first password, runs the server.
#
# NEO4J_a__b_c=value becomes a_b.c=value. NEO4J_AUTH ("neo4j/<password>" or "none") or the file that NEO4J_AUTH_PATH
# names holds for an empty /data. On a read-only root it needs a writable /tmp.
set -eu

say() { printf '%s\n' "entrypoint: $1" >&2; }
fail() {
    say "$1"
    exit 1
}

setting() {
    eval "value=\${NEO4J_$1:-}"
    # shellcheck disable=SC2154
    printf '%s' "$value"
}

# A double underscore is an underscore of the setting, a single one its dot; the bell stands for the former meanwhile.
write_configuration() {
    for name in $(env | sed -n 's/^NEO4J_\([a-z][A-Za-z_]*\)=.*/\1/p'); do
        key="$(printf '%s' "$name" | sed 's/__/\a/g; s/_/./g; s/\a/_/g')"
        [ "$key" = server.jvm.additional ] || printf '%s=%s\n' "$key" "$(setting "$name")"
    done
}

set_first_password() {
    case "$NEO4J_AUTH" in
    neo4j/?*) ;;
    *) fail "NEO4J_AUTH is neither 'neo4j/<password>' nor 'none'; the first user of a community server is neo4j" ;;
    esac
    [ ! -d /data/databases/system ] || return 0
    # By a file: an argument would stand in the list of processes. What follows two dashes is no option, whatever it
    # begins with.
    arguments="$NEO4J_CONF/first-password"
    (umask 077 && printf 'dbms set-initial-password -- "%s"\n' \
        "$(printf '%s' "${NEO4J_AUTH#*/}" | sed 's/[\\"]/\\&/g')" >"$arguments")
    neo4j-admin "@$arguments"
    rm "$arguments"
}

NEO4J_CONF="$NEO4J_HOME/conf"
[ -w "$NEO4J_CONF" ] || NEO4J_CONF="$(mktemp -d)"
export NEO4J_CONF
[ -z "${NEO4J_AUTH_PATH:-}" ] || NEO4J_AUTH="$(cat "$NEO4J_AUTH_PATH")"
[ "${NEO4J_AUTH:-}" != none ] || export NEO4J_dbms_security_auth__enabled=false
write_configuration >"$NEO4J_CONF/neo4j.conf"
[ "${1:-}" = neo4j ] || exec "$@" # neo4j-admin reads the configuration, too
case "${NEO4J_AUTH:-none}" in
none) ;;
*) set_first_password ;;
esac
unset NEO4J_AUTH

# shellcheck disable=SC2046
exec java -Xms"$(setting server_memory_heap_initial__size)" -Xmx"$(setting server_memory_heap_max__size)" \
    -XX:+UseG1GC -XX:+ExitOnOutOfMemoryError -XX:-OmitStackTraceInFastThrow -XX:+DisableExplicitGC \
    -Djdk.nio.maxCachedBufferSize=1024 -Dio.netty.tryReflectionSetAccessible=true -Dfile.encoding=UTF-8 \
    --add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/sun.nio.ch=ALL-UNNAMED \
    --enable-native-access=ALL-UNNAMED $(setting server_jvm_additional) \
    -XX:SharedArchiveFile="$NEO4J_HOME/classes.jsa" -cp "$(printf '%s:' "$NEO4J_HOME"/lib/*.jar)$NEO4J_HOME/plugins/*" \
    org.neo4j.server.Neo4jCommunity --home-dir="$NEO4J_HOME" --config-dir="$NEO4J_CONF"
