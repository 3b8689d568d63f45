#!/usr/bin/env bash
# Makes this Debian host an NFSv4 server for a Holdfast store: one export, synchronous, with a
# short lease so that the store of a broker that lost its power is free again after ten seconds.
# Run as root; running it again changes nothing that is already so.
set -euo pipefail

readonly CONFIG=/etc/nfs.conf.d/holdfast.conf
readonly EXPORTS=/etc/exports.d/holdfast.exports

usage() {
  cat <<'TEXT'
usage: nfs-server.sh --clients CIDR [--export DIR] [--uid NUMBER] [--lease-seconds NUMBER]

  --clients CIDR          hosts that may mount the store, for example 10.0.7.0/24
  --export DIR            the directory to export (default: /srv/holdfast)
  --uid NUMBER            user and group id of the brokers, the same on every host (default: 861)
  --lease-seconds NUMBER  NFSv4 lease and grace time (default: 10)
TEXT
}

fail() {
  printf 'nfs-server.sh: %s\n' "$1" >&2
  exit 2
}

clients=''
export_dir=/srv/holdfast
uid=861
lease_seconds=10
while (($# > 0)); do
  case $1 in
    --clients) clients=${2:?--clients needs a value} ;;
    --export) export_dir=${2:?--export needs a value} ;;
    --uid) uid=${2:?--uid needs a value} ;;
    --lease-seconds) lease_seconds=${2:?--lease-seconds needs a value} ;;
    --help) usage && exit 0 ;;
    *) usage >&2 && fail "unknown option $1" ;;
  esac
  shift 2
done
[[ -n $clients ]] || { usage >&2 && fail '--clients is needed'; }
((EUID == 0)) || fail 'run it as root'

# Writes standard input to a file; sets `changed` when that made a difference.
changed=no
write_file() {
  local path=$1 content
  content=$(cat)
  if [[ ! -f $path || $(<"$path") != "$content" ]]; then
    mkdir -p "$(dirname "$path")"
    printf '%s\n' "$content" >"$path"
    changed=yes
    printf 'wrote %s\n' "$path"
  fi
}

if ! dpkg -s nfs-kernel-server >/dev/null 2>&1; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nfs-kernel-server
fi

mkdir -p "$export_dir"
chown "$uid:$uid" "$export_dir"
chmod 750 "$export_dir"

# NFSv3 never frees the lock of a client that lost its power, and waiting for its lock manager
# makes every lock call hang longer when the server restarts.
write_file "$CONFIG" <<TEXT
# Written by Holdfast's scripts/provision/nfs-server.sh
[nfsd]
vers3=n
vers4=y
vers4.1=y
vers4.2=y
lease-time=$lease_seconds
grace-time=$lease_seconds
TEXT

write_file "$EXPORTS" <<TEXT
# Written by Holdfast's scripts/provision/nfs-server.sh
$export_dir $clients(rw,sync,no_subtree_check,root_squash)
TEXT

systemctl enable --quiet nfs-server
if [[ $changed == yes ]] || ! systemctl is-active --quiet nfs-server; then
  # The lease time can only be set while no nfsd thread runs.
  systemctl restart nfs-server
fi
exportfs -ra

printf 'NFSv4 server: %s for %s, lease %s s\n' "$export_dir" "$clients" "$lease_seconds"
