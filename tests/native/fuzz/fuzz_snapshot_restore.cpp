// Bytes as a snapshot of a node that has many kinds of state. A refused one changes nothing; a node that takes one goes on and can be
// saved again. The mutator keeps length and checksum right, so that what is behind them is reached.
#include <algorithm>

#include "bb/hash.h"
#include "fuzz/support/fuzz_target.h"
#include "fuzz/support/lives.h"
#include "fuzz/support/vectors.h"
#include "node/snapshot.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size) __attribute__((weak));

namespace bb::fuzz {

std::vector<ByteBuffer> seeds() {
  std::vector<ByteBuffer> seeds = live().snapshots;
  for (ByteBuffer& golden : read_vectors("snapshots", ".bin")) seeds.push_back(std::move(golden));
  return seeds;
}

namespace {

bool framed(Bytes bytes) {
  return bytes.size() >= kSnapshotHeaderSize + kSnapshotChecksumSize && equal(bytes.first(sizeof kSnapshotMagic), kSnapshotMagic);
}

// Another node's state is one that this node's own could not have led to: the host's word on who it is restored to is all there is.
void restore(Bytes bytes, const RestoreOptions& options) {
  const auto node = new_node(Durability::none);
  const ByteBuffer before = snapshot_of(*node);
  const auto restored = node->restore(bytes, options);
  if (!restored) {
    require(!restored.error().text().empty(), "a refusal has a text");
    require(snapshot_of(*node) == before, "a refused snapshot changes nothing");
    return;
  }
  const ByteBuffer again = snapshot_of(*node);
  if (framed(bytes)) {
    const auto twin = new_node(Durability::none);
    require(twin->restore(again, {.same_incarnation = true}).has_value(), "what was restored can be saved and restored");
    require(snapshot_of(*twin) == again, "and is then the same");
  }
  stand(*node);
}

}  // namespace
}  // namespace bb::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned int) {
  using namespace bb;
  if (!fuzz::framed({data, size}) || max_size < kSnapshotHeaderSize + kSnapshotChecksumSize)
    return LLVMFuzzerMutate(data, size, max_size);
  const std::size_t room = max_size - kSnapshotHeaderSize - kSnapshotChecksumSize;
  const std::size_t body =
      LLVMFuzzerMutate(data + kSnapshotHeaderSize, std::min(size - kSnapshotHeaderSize - kSnapshotChecksumSize, room), room);
  store_le(data + 32, std::uint64_t{body});
  const std::size_t end = kSnapshotHeaderSize + body;
  const auto checksum = sha256({data, end});
  std::copy(checksum.begin(), checksum.end(), data + end);
  return end + kSnapshotChecksumSize;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bb;
  fuzz::restore({data, size}, {.same_incarnation = true});
  return 0;
}
