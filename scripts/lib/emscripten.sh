# Emscripten under .deps/emscripten beside a bookworm system; a recent enough emcc on PATH is used instead. Sourced, not run.
# shellcheck shell=bash

# bb_version_at_least VERSION MINIMUM
bb_version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | sed -n 1p)" = "$2" ]; }

# bb_emcc_on_path: prints the version of the emcc on PATH when it is recent enough.
bb_emcc_on_path() {
  local version
  command -v emcc > /dev/null || return 1
  version=$(emcc -dumpversion 2>/dev/null | grep -oE '^[0-9]+\.[0-9]+\.[0-9]+') || return 1
  bb_version_at_least "$version" "$BB_EMSCRIPTEN_MINIMUM" && printf '%s\n' "$version"
}

# bb_install_emscripten PREFIX
bb_install_emscripten() {
  local prefix=$1 want version work libraries runtime tool package
  if version=$(bb_emcc_on_path); then
    echo "emscripten: using emcc $version on PATH ($(command -v emcc))"
    return
  fi
  # The configuration names absolute paths, so a moved tree or another node needs a new one.
  want="$BB_EMSCRIPTEN_PINS|$prefix|$(command -v node)|2"
  if [ -f "$prefix/.stamp" ] && [ "$(cat "$prefix/.stamp")" = "$want" ]; then
    echo "emscripten: 3.1.69 in .deps/emscripten"
    return
  fi
  echo "emscripten: unpacking 3.1.69 to .deps/emscripten (240 MB download)"
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder of this call is meant
  trap "rm -rf '$work'" EXIT
  bb_private_apt "$work" trixie deb
  bb_fetch_packages "$work" "$BB_EMSCRIPTEN_PINS"
  rm -rf "$prefix.tmp"
  mkdir -p "$prefix.tmp/runtime" "$prefix.tmp/binaryen/bin"
  # The package holds 1.5 GB of prebuilt libraries: what the project never links stays out.
  libraries=./usr/share/emscripten/cache/sysroot/lib/wasm32-emscripten
  dpkg-deb --fsys-tarfile "$work/downloads/emscripten.deb" | tar -x -C "$prefix.tmp" \
    --exclude=./usr/share/emscripten/test --exclude=./usr/share/emscripten/docs --exclude='./usr/share/doc*' \
    --exclude="$libraries/libGL-emu*" --exclude="$libraries/libGL-full*" --exclude="$libraries/libGL-ofb*" \
    --exclude="$libraries/libGL-webgl2*" --exclude="$libraries/libwasmfs*" --exclude="$libraries/*-icase.a" \
    --exclude="$libraries/*-mt*" --exclude="$libraries/*-ww*" --exclude="$libraries/libSDL*" \
    --exclude="$libraries/libbullet*" --exclude="$libraries/libglfw*" --exclude="$libraries/libhtml5*-mt*"
  dpkg-deb --fsys-tarfile "$work/downloads/binaryen.deb" | tar -x -C "$prefix.tmp" --exclude='./usr/share/doc*' --exclude='./usr/share/man*'
  dpkg-deb --fsys-tarfile "$work/downloads/node-acorn.deb" | tar -x -C "$prefix.tmp" --exclude='./usr/share/doc*' --exclude='*/@types/emscripten*'
  for package in libc6 libstdc++6 libgcc-s1; do
    dpkg-deb --fsys-tarfile "$work/downloads/$package.deb" | tar -x -C "$prefix.tmp/runtime" --wildcards --exclude='*/gconv*' './usr/lib/x86_64-linux-gnu/*.so*'
  done
  # Node resolves symbolic links before it looks for modules, hence these two.
  ln -sfn . "$prefix.tmp/usr/share/nodejs/node_modules"
  ln -sfn ../nodejs "$prefix.tmp/usr/share/emscripten/node_modules"
  runtime=$prefix/runtime/usr/lib/x86_64-linux-gnu
  for tool in wasm-opt wasm-emscripten-finalize wasm-metadce wasm-ctor-eval wasm-as wasm-dis wasm-merge wasm-reduce wasm-split wasm2js; do
    cat > "$prefix.tmp/binaryen/bin/$tool" <<S
#!/bin/sh
exec "$runtime/ld-linux-x86-64.so.2" --library-path "$runtime:$prefix/usr/lib/x86_64-linux-gnu" --argv0 $tool "$prefix/usr/bin/$tool" "\$@"
S
    chmod +x "$prefix.tmp/binaryen/bin/$tool"
  done
  # Beside emcc itself, so that no environment variable is needed to use it.
  cat > "$prefix.tmp/usr/share/emscripten/.emscripten" <<S
LLVM_ROOT = '/usr/bin'
LLVM_ADD_VERSION = '19'
CLANG_ADD_VERSION = '19'
BINARYEN_ROOT = '$prefix/binaryen'
NODE_JS = '$(command -v node)'
CACHE = '$prefix/usr/share/emscripten/cache'
FROZEN_CACHE = True
S
  printf '%s\n' "$want" > "$prefix.tmp/.stamp"
  rm -rf "$prefix"
  mv "$prefix.tmp" "$prefix"
  rm -rf "$work"
  trap - EXIT
}
