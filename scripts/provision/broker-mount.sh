#!/usr/bin/env bash
# Makes this host one that can run a node: the user of the brokers, and the mount of the shared
# store. Starts nothing, so that it serves with systemd (broker.sh) and without (the lab of scripts/lab/).
# Run as root; running it again changes nothing that is already so.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: broker-mount.sh --server HOST [OPTIONS]

  --server HOST          the NFS server
  --export DIR           the directory that the server exports (default: /srv/holdfast)
  --store DIR            where it is mounted here (default: /srv/holdfast)
  --uid NUMBER           user and group id of the brokers, the same on every host (default: 861)
  --nfs-version VERSION  4.0, 4.1 or 4.2 (default: 4.2)
  --mount-options LIST   more mount options, after a comma each; they win over those of this script
TEXT
}

fail() {
  printf 'broker-mount.sh: %s\n' "$1" >&2
  exit 2
}

server=''
export_dir=/srv/holdfast
store=/srv/holdfast
uid=861
nfs_version=4.2
more_options=''
while (($# > 0)); do
  case $1 in
    --server) server=${2:?--server needs a value} ;;
    --export) export_dir=${2:?--export needs a value} ;;
    --store) store=${2:?--store needs a value} ;;
    --uid) uid=${2:?--uid needs a value} ;;
    --nfs-version) nfs_version=${2:?--nfs-version needs a value} ;;
    --mount-options) more_options=$2 ;;
    --help) usage && exit 0 ;;
    *) usage >&2 && fail "unknown option $1" ;;
  esac
  shift 2
done
[[ -n $server ]] || { usage >&2 && fail '--server is needed'; }
[[ $nfs_version =~ ^4\.[012]$ ]] || fail "--nfs-version is 4.0, 4.1 or 4.2, not $nfs_version"
[[ ! $more_options =~ [[:space:]] ]] || fail "--mount-options takes a list without spaces, not '$more_options'"
((EUID == 0)) || fail 'run it as root'

create_user() {
  getent group holdfast >/dev/null || groupadd --system --gid "$uid" holdfast
  getent passwd holdfast >/dev/null ||
    useradd --system --uid "$uid" --gid holdfast --home-dir /nonexistent --no-create-home \
      --shell /usr/sbin/nologin holdfast
}

mount_store() {
  local options="vers=$nfs_version,hard,proto=tcp,noatime,_netdev${more_options:+,$more_options}"
  local line="$server:$export_dir $store nfs4 $options 0 0"
  mkdir -p "$store"
  if ! grep -qxF "$line" /etc/fstab; then
    # Remounting does not change the version or the way of failing.
    ! mountpoint -q "$store" || umount "$store" ||
      fail "$store is in use with other mount options; stop the node and run this again"
    # A line for the same mount point with other options is replaced.
    sed -i "\\# $store nfs4 #d" /etc/fstab
    printf '%s\n' "$line" >>/etc/fstab
    [[ ! -d /run/systemd/system ]] || systemctl daemon-reload
  fi
  mountpoint -q "$store" || mount "$store"
}

create_user
mount_store
