#!/bin/sh
# Tells people who are away that something waits for them, by mail through sendmail.
# Runs as the daemon's user, or as root:   bridge-mail.sh /run/chinwag/socket example.org
# People type `/notify NAME@example.org`. Only addresses of your own domain get mail, or anybody could have you
# write to strangers; one mail a person in five minutes at most, and no message is in it.
socket=${1:?the path of the daemon\'s socket} domain=${2:?the domain that gets mail}
ping=${BRIDGE_PING:-60} retry=${BRIDGE_RETRY:-5} # seconds between pings, and before another try

feed() { # A ping now and then keeps the input open, and ends it soon after the daemon.
  { printf '/mode json\n#bridge\n/part\n/feed on\n'; while sleep "$ping"; do echo /ping; done; } | nc -U "$socket"
}

while :; do
  feed | jq --unbuffered -r --arg domain "$domain" '
      if .type == "error" then .text | stderr | empty
      elif .type == "waiting" and (.notify | test("^[A-Za-z0-9][A-Za-z0-9._+-]*@[^@]*$")
                                   and endswith("@" + $domain))
      then [.notify, .name, .count] | @tsv else empty end' |
    while IFS='	' read -r address name count; do
      printf 'To: %s\nSubject: %s, something waits for you in the chat\n\nSince you left, or were told last: %s.\n' \
        "$address" "$name" "$count" | sendmail -i -- "$address" || echo "not sent to $address" >&2
    done
  echo 'the daemon is gone; trying again' >&2
  sleep "$retry"
done
