# Every archive that scripts/setup unpacks by itself: package, version, SHA-256. Sourced, not run.
# The first column of a pin is the Debian package; change version and checksum together.
# shellcheck shell=bash disable=SC2034

readonly BB_EMSCRIPTEN_MINIMUM=3.1.60

# Emscripten 3.1.69 and binaryen 120 come from Debian trixie. Binaryen needs a newer C library than
# bookworm has, so three run-time libraries are unpacked beside it and used by nothing else.
readonly BB_EMSCRIPTEN_PINS="
emscripten 3.1.69+dfsg-3 d2ac788b952c56ab6736b4db2ac0825aa63cfb4c08b8abaefe19e324779d1b2d
binaryen 120-4 47be56009e56170f4338a0154fbff2028bd607bc3c8b6a5414658a985bef6470
node-acorn 8.8.1+ds+~cs25.17.7-2 5c6814cf6536892b3a93cc72a0a3792beb0d3f6be3d69f499ca7d764583479a9
libc6 2.41-12+deb13u5 b59b0625cd1a791375d40dab23a4d5d3d0641e3d0a773501becdc3725b7f99cf
libstdc++6 14.2.0-19 ab1fa05837aa7a92aae748fd07a18a35f7d18bb4a71c4724fe2bbf0e32089de0
libgcc-s1 14.2.0-19 3c71917b490d1a17aed43196a2787a256ecf060526cdb20216a74bedc061b150
"

readonly BB_CATCH2_PINS="
libcatch2-dev 3.7.1-0.4~bpo12+1 1dbb62ed9f177e1cf51e573903cc553241764bd3b6655f5a98889ad361d008dc
"

# A source package: its upstream archive is what the checksum covers.
readonly BB_PROTOBUF_VERSION=3.21.12
readonly BB_PROTOBUF_SOURCE_VERSION=3.21.12-3+deb12u1
readonly BB_PROTOBUF_ARCHIVE=protobuf_3.21.12.orig.tar.gz
readonly BB_PROTOBUF_SHA256=930c2c3b5ecc6c9c12615cf5ad93f1cd6e12d0aba862b572e076259970ac3a53
