#!/bin/bash
# Makes a guest the file server of its lab, as scripts/provision/nfs-server.sh does where there is systemd.
# Takes which server it is (the service script beside this one), the options of nfs-server-settings.sh, and
# /etc/hosts as input.
set -euo pipefail
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
service=$scripts/lab/guest/$1
shift

cat >/etc/hosts
changes=$("$scripts/provision/nfs-server-settings.sh" "$@")
# The lease time is read when the server starts.
"$service" "$([[ -n $changes ]] && echo restart || echo start)"
