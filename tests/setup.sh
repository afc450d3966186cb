#!/bin/sh
# Installs what Greenroom needs and the system lacks, from Debian's packages, and says so. Doing it twice does nothing.
set -eu

# Official clients that tests let talk to the server, in an environment of their own under target/.
clients() {
    wanted=tests/it/programs/requirements.txt
    into=target/clients
    cmp -s "$wanted" "$into/requirements.txt" && return 0
    echo "setup: installing into $into: $(grep -v '^#' "$wanted" | tr '\n' ' ')"
    if /usr/bin/python3 -m venv "$into" && "$into/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"; then
        cp "$wanted" "$into/requirements.txt"
    else
        # The tests that need them fail and say so; everything else goes on.
        echo "setup: the clients could not be installed into $into" >&2
    fi
}

missing=""
command -v cargo >/dev/null || {
    echo "setup: cargo is missing: install Rust from https://rustup.rs, then try again" >&2
    exit 1
}
# A linker and the C compiler that builds SQLite.
command -v cc >/dev/null || missing="$missing build-essential"
if ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null; then
    missing="$missing chromium"
fi
# Tests run a cluster of their own; Debian keeps its programs out of the PATH.
if ! command -v initdb >/dev/null && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    missing="$missing postgresql"
fi
# Own tools run inside it.
command -v bwrap >/dev/null || missing="$missing bubblewrap"
# What the tests of the sandbox let loose inside it; also the language of a new tool.
[ -x /usr/bin/python3 ] || missing="$missing python3"
/usr/bin/python3 -c "import ensurepip" 2>/dev/null || missing="$missing python3-venv"
# Containers of own tools: tests start an engine of their own, with a file system made of one program.
[ -x /usr/sbin/dockerd ] || command -v dockerd >/dev/null || missing="$missing docker.io"
[ -x /bin/busybox ] || missing="$missing busybox-static"
# A test looks at what the server syncs.
command -v strace >/dev/null || missing="$missing strace"
if [ -z "$missing" ]; then
    clients
    exit 0
fi

if ! command -v apt-get >/dev/null; then
    echo "setup: missing are$missing, and there is no apt-get: install them with your system's own tools" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null; then
    as_root="sudo"
else
    echo "setup: missing are$missing; run as root: apt-get install$missing" >&2
    exit 1
fi

echo "setup: installing from Debian's packages:$missing"
case "$missing" in
*postgresql*)
    # Only the programs: the package must not start a server of its own.
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        $as_root mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    ;;
esac
case "$missing" in
*docker.io*)
    # Only the programs, too.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' | $as_root tee /usr/sbin/policy-rc.d >/dev/null
        $as_root chmod +x /usr/sbin/policy-rc.d
        trap '$as_root rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    ;;
esac
$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
# shellcheck disable=SC2086 # a list of packages
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    -o Dpkg::Options::=--force-confold $missing
clients
