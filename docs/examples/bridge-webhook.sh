#!/bin/sh
# Posts a line of JSON to a web hook whenever messages wait for somebody who has set /notify:
#     bridge-webhook.sh /run/chinwag/operators.sock https://example.org/hook
# At a Unix socket of the daemon's own, the daemon's user is an operator. Needs jq, curl, and socat or nc.
set -u
socket=$1 url=$2
connect() {
    if command -v socat >/dev/null; then socat - "UNIX-CONNECT:$socket"; else nc -U "$socket"; fi
}
# What keeps the input open also ends it, once the connection is gone.
ask() {
    printf '%s\n' '/mode json' "#bridge-$$" /part '/feed on'
    while sleep 10; do echo /ping; done
}
while :; do
    ask | connect | jq --unbuffered -Rc 'fromjson? | select(.type == "waiting")' |
        while IFS= read -r waiting; do
            # People's words stay data: they are passed by a pipe, and by no command line.
            printf '%s' "$waiting" | curl -fsS -m 10 -H 'Content-Type: application/json' --data-binary @- "$url"
        done
    sleep 1
done
