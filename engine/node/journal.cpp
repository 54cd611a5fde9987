// Frames of a journal.
#include "node/journal.h"

#include "bb/hash.h"
#include "bb/value_state.h"
#include "node/recording.h"

namespace bb {

bool Journal::begin(Kind kind) {
  begun_at_ = out_.size();
  if (out_.size() >= bytes_max_) return false;
  out_.byte(static_cast<std::uint8_t>(kind));
  return written();
}

bool Journal::written() {
  if (out_.complete() && out_.size() <= bytes_max_) return true;
  drop();
  return false;
}

void Journal::drop() { out_.truncate(begun_at_); }

Result<Array<std::uint8_t>> Journal::take(std::uint64_t first_sequence) {
  StateWriter frame;
  frame.append(kFrameMagic);
  frame.fixed_u32(out_.size());
  frame.fixed_u64(first_sequence);
  frame.fixed_u32(records_);
  frame.fixed_u32(0);
  frame.append(out_.view());
  frame.fixed_u64(fnv1a64(frame.view()));
  if (!frame.complete()) return fail(Code::no_memory);
  out_.truncate(0);
  records_ = 0;
  return frame.take();
}

bool Recording::value(const Value& value) { return !open_ || save_value(journal_->out(), value) || !journal_->out().complete(); }

Result<JournalFrame> read_frame(Bytes bytes) {
  StateReader in(bytes);
  if (!equal(in.raw(sizeof Journal::kFrameMagic), Journal::kFrameMagic)) in.fail(Code::malformed);
  const std::uint32_t length = in.fixed_u32();
  JournalFrame frame{.first_sequence = in.fixed_u64(), .records = in.fixed_u32(), .payload = {}};
  if (in.fixed_u32() != 0) in.fail(Code::invalid_value);
  frame.payload = in.raw(length);
  const std::size_t checked = in.position();
  const std::uint64_t checksum = in.fixed_u64();
  if (!in.ok()) return std::unexpected(in.status().error());
  if (fnv1a64(bytes.first(checked)) != checksum) return fail(Code::malformed, checked);
  frame.size = in.position();
  return frame;
}

}  // namespace bb
