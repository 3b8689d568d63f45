#!/usr/bin/env bash
# Writes what makes an NFSv4 server fit for a Holdfast store: its export, its lease and its protocol
# versions. Starts nothing, so that it serves with systemd (nfs-server.sh) and without (the lab of
# scripts/lab/). Prints one line for each file that it changed; when it prints nothing, nothing needs a restart.
# Run as root.
set -euo pipefail

readonly CONFIG=/etc/nfs.conf.d/holdfast.conf
readonly EXPORTS=/etc/exports.d/holdfast.exports

usage() {
  cat <<'TEXT'
usage: nfs-server-settings.sh --clients CIDR [OPTIONS]

  --clients CIDR          hosts that may mount the store, for example 10.0.7.0/24
  --export DIR            the directory to export (default: /srv/holdfast)
  --uid NUMBER            user and group id of the brokers, the same on every host (default: 861)
  --lease-seconds NUMBER  NFSv4 lease time, from 10 on (default: 10)
  --grace-seconds NUMBER  NFSv4 grace time, not below the lease time (default: the lease time)
  --write sync|async      sync answers when the data is on disk; async loses confirmed messages in a
                          power cut of the server and is there to show just that (default: sync)
  --nfs3 on|off           serve NFSv3, too, which Holdfast refuses (default: off)
TEXT
}

fail() {
  printf 'nfs-server-settings.sh: %s\n' "$1" >&2
  exit 2
}

require_number() {
  local name=$1 value=$2 minimum=$3 maximum=$4
  if [[ ! $value =~ ^[1-9][0-9]{0,9}$ ]] || ((value < minimum || value > maximum)); then
    fail "$name takes a whole number from $minimum to $maximum, not $value"
  fi
}

require_choice() {
  [[ $2 == "$3" || $2 == "$4" ]] || fail "$1 is $3 or $4, not $2"
}

clients=''
export_dir=/srv/holdfast
uid=861
lease_seconds=10
grace_seconds=''
write_mode=sync
nfs3=off
while (($# > 0)); do
  case $1 in
    --clients) clients=${2:?--clients needs a value} ;;
    --export) export_dir=${2:?--export needs a value} ;;
    --uid) uid=${2:?--uid needs a value} ;;
    --lease-seconds) lease_seconds=${2:?--lease-seconds needs a value} ;;
    --grace-seconds) grace_seconds=${2:?--grace-seconds needs a value} ;;
    --write) write_mode=${2:?--write needs a value} ;;
    --nfs3) nfs3=${2:?--nfs3 needs a value} ;;
    --help) usage && exit 0 ;;
    *) usage >&2 && fail "unknown option $1" ;;
  esac
  shift 2
done
grace_seconds=${grace_seconds:-$lease_seconds}
[[ -n $clients ]] || { usage >&2 && fail '--clients is needed'; }
require_number --uid "$uid" 1 2147483647
# The limits of the kernel, which else keeps its 90 s.
require_number --lease-seconds "$lease_seconds" 10 3600
require_number --grace-seconds "$grace_seconds" 10 3600
require_choice --write "$write_mode" sync async
require_choice --nfs3 "$nfs3" on off
# A client renews within its lease, and may need all of it to notice a restart and reclaim its locks.
((grace_seconds >= lease_seconds)) ||
  fail "--grace-seconds ($grace_seconds) must not be below --lease-seconds ($lease_seconds)"
((EUID == 0)) || fail 'run it as root'

# Writes standard input to a file, and says so, when that makes a difference.
write_file() {
  local path=$1 content
  content=$(cat)
  if [[ ! -f $path || $(<"$path") != "$content" ]]; then
    mkdir -p "$(dirname "$path")"
    printf '%s\n' "$content" >"$path"
    printf 'wrote %s\n' "$path"
  fi
}

mkdir -p "$export_dir"
chown "$uid:$uid" "$export_dir"
chmod 750 "$export_dir"

# NFSv3 never frees the lock of a client that lost its power, and waiting for its lock manager
# makes every lock call hang longer when the server restarts.
write_file "$CONFIG" <<TEXT
# Written by Holdfast's scripts/provision/nfs-server-settings.sh
[nfsd]
vers3=$([[ $nfs3 == on ]] && echo y || echo n)
vers4=y
vers4.0=y
vers4.1=y
vers4.2=y
lease-time=$lease_seconds
grace-time=$grace_seconds
TEXT

write_file "$EXPORTS" <<TEXT
# Written by Holdfast's scripts/provision/nfs-server-settings.sh
$export_dir $clients(rw,$write_mode,no_subtree_check,root_squash)
TEXT
