# The two C++ libraries that are unpacked beside the system: protobuf's source (for WebAssembly) and Catch2. Sourced, not run.
# shellcheck shell=bash

# bb_install_protobuf_source FOLDER: the source tree that cmake/ProtobufLite.cmake compiles.
bb_install_protobuf_source() {
  local folder=$1 want work log
  want="$BB_PROTOBUF_SOURCE_VERSION|$BB_PROTOBUF_SHA256|1"
  if [ -f "$folder/.stamp" ] && [ "$(cat "$folder/.stamp")" = "$want" ]; then
    echo "protobuf: source $BB_PROTOBUF_VERSION in .deps/$(basename "$folder")"
    return
  fi
  echo "protobuf: unpacking source $BB_PROTOBUF_VERSION to .deps/$(basename "$folder")"
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder of this call is meant
  trap "rm -rf '$work'" EXIT
  bb_private_apt "$work" bookworm deb-src
  log=$work/download.log
  (cd "$work/downloads" && APT_CONFIG="$work/apt.conf" apt-get source -q --download-only "protobuf=$BB_PROTOBUF_SOURCE_VERSION" > "$log" 2>&1) ||
    bb_fail "protobuf source $BB_PROTOBUF_SOURCE_VERSION could not be downloaded ($(grep -m1 '^E:' "$log" || echo 'no reason given')). If it has left the mirror, point BB_DEBIAN_MIRROR at a snapshot that still has it, or pin a newer version with its SHA-256 in scripts/lib/pins.sh"
  bb_check_sha256 "$work/downloads/$BB_PROTOBUF_ARCHIVE" "$BB_PROTOBUF_SHA256"
  rm -rf "$folder.tmp"
  mkdir -p "$folder.tmp"
  tar -xzf "$work/downloads/$BB_PROTOBUF_ARCHIVE" --strip-components=1 -C "$folder.tmp" --wildcards --anchored \
    "protobuf-$BB_PROTOBUF_VERSION/src/google/protobuf/*" "protobuf-$BB_PROTOBUF_VERSION/cmake/*" "protobuf-$BB_PROTOBUF_VERSION/LICENSE"
  printf '%s\n' "$want" > "$folder.tmp/.stamp"
  rm -rf "$folder"
  mv "$folder.tmp" "$folder"
  rm -rf "$work"
  trap - EXIT
}

# bb_install_catch2 PREFIX: found by CMake through CMAKE_PREFIX_PATH; a Catch2 3 of the system is used as it is.
bb_install_catch2() {
  local prefix=$1 want work
  want="$BB_CATCH2_PINS|1"
  if [ -f "$prefix/.stamp" ] && [ "$(cat "$prefix/.stamp")" = "$want" ]; then
    echo "catch2: 3.7.1 in .deps/catch2"
    return
  fi
  if find /usr/lib /usr/local/lib -maxdepth 4 -name Catch2ConfigVersion.cmake -exec grep -q 'PACKAGE_VERSION "3' {} \; -print 2>/dev/null | grep -q .; then
    echo "catch2: using the system's"
    return
  fi
  echo "catch2: unpacking 3.7.1 to .deps/catch2"
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder of this call is meant
  trap "rm -rf '$work'" EXIT
  bb_private_apt "$work" bookworm-backports deb
  bb_fetch_packages "$work" "$BB_CATCH2_PINS"
  rm -rf "$prefix.tmp"
  mkdir -p "$prefix.tmp"
  dpkg-deb -x "$work/downloads/libcatch2-dev.deb" "$prefix.tmp"
  printf '%s\n' "$want" > "$prefix.tmp/.stamp"
  rm -rf "$prefix"
  mv "$prefix.tmp" "$prefix"
  rm -rf "$work"
  trap - EXIT
}
