#!/usr/bin/env bash
# Makes this Debian host an NFSv4 server for a Holdfast store: one export, synchronous, with a
# short lease so that the store of a broker that lost its power is free again after ten seconds.
# Takes the options of nfs-server-settings.sh, which lies beside it: see --help.
# Run as root; running it again changes nothing that is already so.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
# Refuses wrong options, and anybody but root, before anything is installed.
changes=$("$here/nfs-server-settings.sh" "$@")
printf '%s\n' "${changes:-The settings are as they should be}"
[[ " $* " != *' --help '* ]] || exit 0

if ! dpkg -s nfs-kernel-server >/dev/null 2>&1; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nfs-kernel-server
  changes=installed
fi
systemctl enable --quiet nfs-server
if [[ -n $changes ]] || ! systemctl is-active --quiet nfs-server; then
  # The lease time can only be set while no nfsd thread runs.
  systemctl restart nfs-server
fi
exportfs -ra

printf 'NFS server: lease %s s, grace %s s, exports:\n' \
  "$(</proc/fs/nfsd/nfsv4leasetime)" "$(</proc/fs/nfsd/nfsv4gracetime)"
exportfs -s
