#!/bin/bash
# Makes a guest the file server of its lab, as scripts/provision/nfs-server.sh does where there is systemd.
# Takes the options of nfs-server-settings.sh, and /etc/hosts as input.
set -euo pipefail
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

cat >/etc/hosts
changes=$("$scripts/provision/nfs-server-settings.sh" "$@")
# The lease time can only be set while no nfsd thread runs.
"$scripts/lab/guest/nfs-service.sh" "$([[ -n $changes ]] && echo restart || echo start)"
