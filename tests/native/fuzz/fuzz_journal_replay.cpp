// Bytes as a journal that a node is given again. Whatever it says, the node can be saved and goes on. The mutator keeps the checksums of
// frames right.
#include <algorithm>

#include "bb/hash.h"
#include "fuzz/support/fuzz_target.h"
#include "fuzz/support/lives.h"
#include "node/journal.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size) __attribute__((weak));

namespace bb::fuzz {

std::vector<ByteBuffer> seeds() { return {live().journal}; }

}  // namespace bb::fuzz

namespace {

constexpr std::size_t kFrameMin = bb::Journal::kFrameHeaderSize + bb::Journal::kFrameChecksumSize;

}  // namespace

// One frame of all that the mutation left between header and checksum.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned int) {
  using namespace bb;
  if (size < kFrameMin || max_size < kFrameMin || !equal(Bytes(data, 4), Journal::kFrameMagic))
    return LLVMFuzzerMutate(data, size, max_size);
  const std::size_t room = max_size - kFrameMin;
  const std::size_t payload = LLVMFuzzerMutate(data + Journal::kFrameHeaderSize, std::min(size - kFrameMin, room), room);
  store_le(data + 4, static_cast<std::uint32_t>(payload));
  const std::size_t checked = Journal::kFrameHeaderSize + payload;
  store_le(data + checked, fnv1a64(Bytes(data, checked)));
  return checked + Journal::kFrameChecksumSize;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bb;
  using namespace bb::fuzz;
  const auto node = new_node(Durability::none);
  const auto replayed = node->replay({data, size});
  if (!replayed) require(!replayed.error().text().empty(), "a refusal has a text");
  const ByteBuffer after = snapshot_of(*node);
  const auto twin = new_node(Durability::none);
  require(twin->restore(after, {.same_incarnation = true}).has_value(), "what was replayed can be saved and restored");
  require(snapshot_of(*twin) == after, "and is then the same");
  stand(*node);
  return 0;
}
