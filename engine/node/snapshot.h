// The frame of a snapshot: what it is of, its length and its checksum, around the state (docs/snapshot-format.md).
#pragma once

#include "bb/node.h"
#include "runtime/state_codec.h"

namespace bb {

inline constexpr std::uint8_t kSnapshotMagic[8] = {'B', 'B', 'S', 'N', 'A', 'P', '\r', '\n'};
inline constexpr std::uint32_t kSnapshotVersion = 2;
inline constexpr std::size_t kSnapshotHeaderSize = 40;
inline constexpr std::size_t kSnapshotChecksumSize = 32;

class SnapshotReader {
 public:
  SnapshotReader(runtime::Engine& engine, const RestoreOptions& options) : engine_(engine), options_(options) {}
  std::expected<void, RestoreError> restore(Bytes snapshot);

 private:
  using Kind = RestoreError::Kind;

  std::expected<Bytes, RestoreError> open(Bytes snapshot);
  std::expected<void, RestoreError> match(StateReader& in);
  std::expected<void, RestoreError> find_components(StateReader& in);
  std::expected<void, RestoreError> load_components();
  std::unexpected<RestoreError> put_back(std::uint32_t count, std::unexpected<RestoreError> refused);
  void go_on();

  runtime::Engine& engine_;
  const RestoreOptions& options_;
  std::uint64_t incarnation_ = 0;
  Array<Bytes> states_;                    // of components, in the snapshot
  Array<Array<std::uint8_t>> own_states_;  // what they were, in case a later one refuses
};

/// Version 1, the reference's: peers, policy, back-off, counters, queued envelopes and parked ops; nothing else was ever in it.
std::expected<void, RestoreError> restore_version_1(runtime::Engine& engine, Bytes snapshot, const RestoreOptions& options);

}  // namespace bb
