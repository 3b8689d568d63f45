#!/bin/bash
# Process 1 of a guest of the lab. The root that it starts on is the same for all guests and read-only;
# this puts a writable layer in memory over it, brings up the network and runs the agent.
# The kernel's command line gives, as variables: LAB_HOST, LAB_DATA_ADDRESS and LAB_CONTROL_ADDRESS (with
# prefix length), LAB_TREE (the project, on the machine that runs the lab) and LAB_NODE (a folder with `node`).
# A failure here ends process 1, and with it the guest: the console log tells of it.
set -euo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8

make_root_writable() {
  # modprobe reads it. Each root has its own; that of the read-only one is out of reach later.
  mount -t proc proc /proc
  mount -t tmpfs layer /mnt
  mkdir -p /mnt/changes /mnt/work /mnt/root
  modprobe overlay
  mount -t overlay root /mnt/root -o lowerdir=/,upperdir=/mnt/changes,workdir=/mnt/work
  cd /mnt/root
  mkdir -p .below
  pivot_root . .below
}

mount_usual_file_systems() {
  mount -t proc proc /proc
  mount -t sysfs sys /sys
  mount -t devtmpfs dev /dev
  mkdir -p /dev/pts /dev/shm
  mount -t devpts devpts /dev/pts
  mount -t tmpfs shm /dev/shm
  mount -t tmpfs run /run
  mount -t tmpfs tmp /tmp
  mkdir -p /run/lock /run/sendsigs.omit.d /run/rpc_pipefs
  mkdir -p /opt/holdfast /opt/node
  mount -t hostfs project /opt/holdfast -o "ro,$LAB_TREE"
  mount -t hostfs node /opt/node -o "ro,$LAB_NODE"
}

# The disk of the file server keeps the store and what the server knows of its clients, as a real one does.
mount_disk() {
  [[ -e /dev/ubda ]] || return 0
  mkdir /disk
  mount -t ext4 /dev/ubda /disk
  mkdir -p /disk/srv
  mount --bind /disk/srv /srv
  if [[ ! -d /disk/nfs-state ]]; then
    cp -a /var/lib/nfs /disk/nfs-state.new
    mv /disk/nfs-state.new /disk/nfs-state
  fi
  mount --bind /disk/nfs-state /var/lib/nfs
  # Clients see the way to an export, too, and a root that lies on another machine's disk cannot be shown.
  printf '[exports]\nrootdir=/disk\n' >/etc/nfs.conf.d/lab.conf
}

start_network() {
  hostname "$LAB_HOST"
  ip link set lo up
  ip link set vec0 name eth0
  ip link set vec1 name eth1
  ip address add "$LAB_DATA_ADDRESS" dev eth0
  ip address add "$LAB_CONTROL_ADDRESS" dev eth1
  ip link set eth0 up
  ip link set eth1 up
}

case ${1:-} in
  '')
    make_root_writable
    # From here on every path is one of the writable root.
    exec chroot . /bin/bash /.below/opt/holdfast/scripts/lab/guest/init.sh on-writable-root
    ;;
esac

mount_usual_file_systems
umount -l /.below/opt/holdfast
mount_disk
start_network
ln -sf /opt/node/node /usr/local/bin/node
cat >/usr/local/bin/holdfast <<'TEXT'
#!/bin/sh
exec node /opt/holdfast/dist/src/cli/main.js "$@"
TEXT
chmod 755 /usr/local/bin/holdfast

# What /etc/holdfast/holdfast.env says of a node elsewhere, so that `holdfast start` is enough here, too.
export HOLDFAST_STORE=/srv/holdfast HOLDFAST_NAME=$LAB_HOST HOLDFAST_ALLOW_ANONYMOUS=true
export HOLDFAST_STOMP_LISTEN=${LAB_DATA_ADDRESS%/*}:61613

echo "init is done after $(cut -d ' ' -f 1 /proc/uptime) s"
set +e
node /opt/holdfast/dist/scripts/lab/guest/agent.js "${LAB_CONTROL_ADDRESS%/*}" &
# Orphans become children of process 1, which has to wait for them.
while :; do wait -n || sleep 1; done
