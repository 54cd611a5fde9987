// Frames and answers from other threads.
#include "bb/inbox.h"

#include "bb/state_codec.h"

namespace bb {
namespace {

constexpr std::size_t kDetailMax = 4'096;

// Continuation bytes of UTF-8 begin with the bits 10.
std::string_view cut(std::string_view text) {
  if (text.size() <= kDetailMax) return text;
  std::size_t size = kDetailMax;
  while (size > 0 && (static_cast<std::uint8_t>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace

Status Inbox::push(Entry entry) {
  std::function<void()> waker;
  {
    const std::lock_guard lock(mutex_);
    const auto refuse = [&](Code code) {
      ++refused_;
      return fail(code);
    };
    if (closed_) return refuse(Code::closed);
    if (entries_ >= limits_.entries_max) return refuse(Code::queue_full);
    if (entry.bytes.size() > limits_.bytes_max - bytes_) return refuse(Code::budget_exceeded);
    const std::uint32_t size = entry.bytes.size();
    if (!pushed_.try_push(std::move(entry))) return refuse(Code::no_memory);
    bytes_ += size;
    if (entries_++ == 0) waker = waker_;
  }
  if (waker) waker();
  return {};
}

Status Inbox::receive(PeerHandle from, Bytes frame) {
  Entry entry{.kind = Kind::frame, .id = from.v, .bytes = {}};
  if (frame.size() > limits_.bytes_max || !entry.bytes.try_append(frame)) {
    const std::lock_guard lock(mutex_);
    ++refused_;
    return fail(frame.size() > limits_.bytes_max ? Code::budget_exceeded : Code::no_memory);
  }
  return push(std::move(entry));
}

Status Inbox::complete(CommandId command, std::span<const EncodedOutput> outputs) {
  StateWriter out;
  out.number(outputs.size());
  for (const EncodedOutput& output : outputs) {
    out.fixed_u64(output.type_hash);
    out.bytes(output.bytes);
  }
  if (!out.complete()) return fail(Code::no_memory);
  return push({.kind = Kind::completion, .id = command.v, .bytes = out.take()});
}

Status Inbox::complete_failed(CommandId command, std::string_view reason, std::string_view detail) {
  StateWriter out;
  out.text(cut(reason));
  out.text(cut(detail));
  if (!out.complete()) return fail(Code::no_memory);
  return push({.kind = Kind::failure, .id = command.v, .bytes = out.take()});
}

std::uint32_t Inbox::size() const {
  const std::lock_guard lock(mutex_);
  return entries_;
}

std::uint64_t Inbox::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

void Inbox::set_waker(std::function<void()> waker) {
  const std::lock_guard lock(mutex_);
  waker_ = std::move(waker);
}

void Inbox::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

Inbox::Delivered Inbox::deliver(Node& node) {
  Delivered delivered;
  for (;;) {
    if (next_ == taken_.size()) {
      taken_.clear();
      next_ = 0;
      const std::lock_guard lock(mutex_);
      if (pushed_.empty()) return delivered;
      std::swap(taken_, pushed_);
    }
    while (next_ < taken_.size()) {
      Entry& entry = taken_[next_];
      if (const Status applied = apply(node, entry, delivered); !applied) {
        delivered.blocked = true;
        return delivered;
      }
      const std::uint32_t size = entry.bytes.size();
      entry.bytes = {};
      ++next_;
      ++delivered.entries;
      const std::lock_guard lock(mutex_);
      --entries_;
      bytes_ -= size;
    }
  }
}

// An error means that the entry could not be taken now, and stays.
Status Inbox::apply(Node& node, const Entry& entry, Delivered& delivered) {
  const auto passing = [](Code code) {
    return code == Code::busy || code == Code::queue_full || code == Code::budget_exceeded || code == Code::no_memory;
  };
  if (entry.kind == Kind::frame) {
    const ReceiveStatus status =
        node.receive(PeerHandle{static_cast<std::uint32_t>(entry.id)}, {entry.bytes.data(), entry.bytes.size()});
    if (status.kind == ReceiveStatus::Kind::refused && passing(status.error.code)) return std::unexpected(status.error);
    delivered.refused += status.kind == ReceiveStatus::Kind::refused || status.kind == ReceiveStatus::Kind::malformed;
    return {};
  }
  Status answered;
  if (entry.kind == Kind::failure) {
    StateReader in({entry.bytes.data(), entry.bytes.size()});
    const std::string_view reason = in.text(), detail = in.text();
    answered = node.complete_failed(CommandId{entry.id},
                                    {.kind = OpErrorKind::execution_failed, .reason = reason, .detail = std::string(detail)});
  } else {
    answered = complete(node, entry);
  }
  if (answered) return {};
  if (passing(answered.error().code)) return answered;
  ++delivered.late;
  return {};
}

Status Inbox::complete(Node& node, const Entry& entry) {
  StateReader in({entry.bytes.data(), entry.bytes.size()});
  const std::uint32_t count = in.count(UINT32_MAX, 9);
  Array<Value> outputs;
  if (!outputs.try_reserve(count)) return fail(Code::no_memory);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t hash = in.fixed_u64();
    auto value = decode_value(node.memory(), hash, in.bytes());
    if (!value && value.error().code == Code::no_memory) return fail(Code::no_memory);
    if (!value)
      return node.complete_failed(CommandId{entry.id},
                                  {.kind = OpErrorKind::bad_input,
                                   .reason = "bad_completion",
                                   .detail = "output " + std::to_string(i) + ": " + std::string(code_name(value.error().code))});
    outputs.push_reserved(std::move(*value));
  }
  const Status completed = node.complete(CommandId{entry.id}, {outputs.data(), outputs.size()});
  if (completed || completed.error().code == Code::unknown_command) return completed;
  if (completed.error().code == Code::type_mismatch || completed.error().code == Code::too_many_inputs ||
      completed.error().code == Code::oversize_payload)
    return node.complete_failed(
        CommandId{entry.id},
        {.kind = OpErrorKind::bad_input, .reason = "bad_completion", .detail = std::string(code_name(completed.error().code))});
  return completed;
}

}  // namespace bb
