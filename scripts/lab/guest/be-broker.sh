#!/bin/bash
# Makes a guest a broker of its lab, as scripts/provision/broker.sh does where there is systemd; Node and
# Holdfast are there already. Takes the options of broker-mount.sh, and /etc/hosts as input.
set -euo pipefail
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

cat >/etc/hosts
exec "$scripts/provision/broker-mount.sh" "$@"
