#!/bin/sh
# Sends a mail whenever messages wait for somebody whose /notify is a mail address:
#     bridge-mail.sh /run/chinwag/operators.sock
# At a Unix socket of the daemon's own, the daemon's user is an operator. Needs jq, sendmail, and socat or nc.
set -u
socket=$1
connect() {
    if command -v socat >/dev/null; then socat - "UNIX-CONNECT:$socket"; else nc -U "$socket"; fi
}
# What keeps the input open also ends it, once the connection is gone.
ask() {
    printf '%s\n' '/mode json' "#bridge-$$" /part '/feed on'
    while sleep 10; do echo /ping; done
}
# Only what can be nothing but an address: no option, no list, no header.
address='^[A-Za-z0-9][A-Za-z0-9._+-]*@[A-Za-z0-9][A-Za-z0-9.-]*$'
while :; do
    ask | connect | jq --unbuffered -Rr --arg address "$address" \
        'fromjson? | select(.type == "waiting" and (.notify | test($address))) | "\(.notify) \(.name) \(.count)"' |
        while read -r to name count; do
            printf 'To: %s\nSubject: Messages wait for you\n\n%s: %s\n' "$to" "$name" "$count" | sendmail -i "$to"
        done
    sleep 1
done
