#!/bin/sh
# Starts Alertmanager with the channels that are set up; `render` prints the configuration instead.
#
# Alertmanager takes nothing from the environment. So this leaves out of alertmanager.yml, which has every channel, what is
# not set up, and fills in addresses. Secrets stay in their files: the configuration names those. It runs in the official
# image (busybox) and in Debian's alike.
set -eu

fail() {
    echo "alertmanager: $1" >&2
    exit 1
}

folder=$(cd "$(dirname "$0")" && pwd)
secrets=/run/secrets
script=""

# has_secret FILE SETTING: whether it is set up. What is not is mounted as /dev/null.
has_secret() {
    [ -e "$secrets/$1" ] && [ ! -c "$secrets/$1" ] || return 1
    [ -f "$secrets/$1" ] || fail "$2 names no file"
    [ -r "$secrets/$1" ] || fail "the file of $2 cannot be read by user $(id -u); chmod 644 it, in a folder that only you may enter"
    [ -s "$secrets/$1" ] || fail "the file of $2 is empty"
}

# drop BLOCK: leaves a block out.
drop() { script="$script
/^ *# $1\$/,/^ *# end $1\$/d"; }

# put SETTING VALUE: fills it in, as it stands between single quotes in YAML.
put() {
    case $2 in *"
"*) fail "$1 has several lines (expected one)" ;; esac
    script="$script
s|@$1@|$(printf '%s' "$2" | sed "s/'/''/g; s/[\\\\&|]/\\\\&/g")|"
}

if has_secret alert_slack_url MILLRACE_ALERT_SLACK_URL_FILE; then
    put MILLRACE_ALERT_SLACK_CHANNEL "${MILLRACE_ALERT_SLACK_CHANNEL:-}"
else
    drop slack
fi
if [ -n "${MILLRACE_ALERT_EMAIL_TO:-}" ]; then
    [ -n "${MILLRACE_ALERT_SMTP:-}" ] || fail "MILLRACE_ALERT_EMAIL_TO is set, MILLRACE_ALERT_SMTP is not (expected host:port)"
    case $MILLRACE_ALERT_SMTP in *:*[0-9]) ;; *) fail "MILLRACE_ALERT_SMTP is '$MILLRACE_ALERT_SMTP' (expected host:port)" ;; esac
    case ${MILLRACE_ALERT_SMTP_TLS:-on} in
    on) put MILLRACE_ALERT_SMTP_TLS true ;;
    off) put MILLRACE_ALERT_SMTP_TLS false ;;
    *) fail "MILLRACE_ALERT_SMTP_TLS is '$MILLRACE_ALERT_SMTP_TLS' (expected on or off)" ;;
    esac
    put MILLRACE_ALERT_SMTP "$MILLRACE_ALERT_SMTP"
    put MILLRACE_ALERT_EMAIL_TO "$MILLRACE_ALERT_EMAIL_TO"
    put MILLRACE_ALERT_EMAIL_FROM "${MILLRACE_ALERT_EMAIL_FROM:-millrace@localhost}"
    if [ -n "${MILLRACE_ALERT_SMTP_USER:-}" ]; then
        has_secret alert_smtp_password MILLRACE_ALERT_SMTP_PASSWORD_FILE ||
            fail "MILLRACE_ALERT_SMTP_USER is set, MILLRACE_ALERT_SMTP_PASSWORD_FILE is not"
        put MILLRACE_ALERT_SMTP_USER "$MILLRACE_ALERT_SMTP_USER"
    else
        drop smtp-user
    fi
else
    drop email
    drop smtp-user
fi
has_secret alert_webhook_url MILLRACE_ALERT_WEBHOOK_URL_FILE || drop webhook
has_secret alert_dead_man_url MILLRACE_ALERT_DEAD_MAN_URL_FILE || drop dead-man

if [ "${1:-}" = render ]; then
    exec sed -e "$script" "$folder/alertmanager.yml"
fi
sed -e "$script" "$folder/alertmanager.yml" >/tmp/alertmanager.yml
exec /bin/alertmanager --config.file=/tmp/alertmanager.yml "$@"
