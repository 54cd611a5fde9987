# Downloads pinned packages of another Debian suite without touching the system's own sources. Sourced, not run.
# shellcheck shell=bash

# bb_fail TEXT...: one line to stderr, then the end.
bb_fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# bb_debian_mirror: the mirror this machine already uses, or BB_DEBIAN_MIRROR.
bb_debian_mirror() {
  local mirror=${BB_DEBIAN_MIRROR:-}
  [ -n "$mirror" ] || mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 2>/dev/null | sed -n 1p)
  [ -n "$mirror" ] || bb_fail "no Debian bookworm mirror is known: run 'apt-get update' as root, or set BB_DEBIAN_MIRROR"
  printf '%s\n' "$mirror"
}

# bb_private_apt FOLDER SUITE TYPE: an apt state of its own under FOLDER, so that nothing of SUITE can reach the system.
bb_private_apt() {
  local folder=$1 suite=$2 type=$3 mirror
  [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] ||
    bb_fail "the pinned packages are for Debian on amd64: on another system put emcc >= $BB_EMSCRIPTEN_MINIMUM on PATH and install Catch2 3 yourself"
  mirror=$(bb_debian_mirror)
  mkdir -p "$folder"/{lists/partial,cache/archives/partial,etc,downloads}
  chmod 755 "$folder"
  : > "$folder/status"
  cat > "$folder/etc/pinned.sources" <<S
Types: $type
URIs: $mirror
Suites: $suite
Components: main
Architectures: amd64
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
S
  cat > "$folder/apt.conf" <<S
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$folder/etc";
Dir::State "$folder";
Dir::State::lists "$folder/lists";
Dir::State::status "$folder/status";
Dir::Cache "$folder/cache";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Update::Error-Mode "any";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
APT::Sandbox::User "root";
S
  APT_CONFIG="$folder/apt.conf" apt-get update -q > "$folder/update.log" 2>&1 ||
    bb_fail "cannot read the package list of $suite: $(grep -m1 -E '^(E|W|Err):' "$folder/update.log" || tail -n 1 "$folder/update.log")"
}

# bb_check_sha256 FILE SHA256: refuses a file whose content is not the pinned one.
bb_check_sha256() {
  local actual
  actual=$(sha256sum "$1" | cut -d' ' -f1)
  [ "$actual" = "$2" ] || bb_fail "$(basename "$1") has SHA-256 $actual, expected $2: refused"
}

# bb_fetch_packages FOLDER PINS: downloads every "package version sha256" line to FOLDER/downloads/<package>.deb, checked.
bb_fetch_packages() {
  local folder=$1 pins=$2 package version sha256 file
  while read -r package version sha256; do
    [ -n "$package" ] || continue
    mkdir -p "$folder/downloads/$package"
    (cd "$folder/downloads/$package" && APT_CONFIG="$folder/apt.conf" apt-get download -q "$package=$version" > "$folder/download.log" 2>&1) ||
      bb_fail "$package $version could not be downloaded ($(grep -m1 '^E:' "$folder/download.log" || echo 'no reason given')). If it has left the mirror, point BB_DEBIAN_MIRROR at a snapshot that still has it, or pin a newer version with its SHA-256 in scripts/lib/pins.sh"
    file=$(find "$folder/downloads/$package" -name '*.deb' -print -quit)
    bb_check_sha256 "$file" "$sha256"
    mv "$file" "$folder/downloads/$package.deb"
  done <<< "$pins"
}
