#!/bin/sh
# Makes what must be each container's own, and runs the container's command.
# AUTHORIZED_KEYS: public keys that may log in as deployer, one per line; a restart leaves the keys that are there.
set -eu

mkdir -p /run/sshd
ssh-keygen -A

keys=/home/deployer/.ssh/authorized_keys
if [ -n "${AUTHORIZED_KEYS:-}" ] && [ ! -e "$keys" ]; then
    printf '%s\n' "$AUTHORIZED_KEYS" >"$keys"
fi

exec "$@"
