// layer: node
// The one object beside a node that other threads may use: frames and answers wait in it until the node's own thread takes them.
#pragma once

#include <functional>
#include <mutex>
#include <string_view>

#include "bb/array.h"
#include "bb/node.h"

namespace bb {

struct InboxLimits {
  /// Entries that nobody has delivered; one more is refused with queue_full.
  std::uint32_t entries_max = 4'096;
  /// Bytes of them; an entry that would pass it is refused with budget_exceeded.
  std::uint64_t bytes_max = 268'435'456;
};

/// One output of a method, as the wire bytes of the type that the hash names.
struct EncodedOutput {
  std::uint64_t type_hash = 0;
  Bytes bytes;
};

/// Has to outlive the `CompletionHandle`s that it gives out. What is pushed is copied before the call returns; order is kept.
class Inbox {
 public:
  explicit Inbox(InboxLimits limits = {}) : limits_(limits) {}
  ~Inbox() = default;
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // From any thread. Errors of all: queue_full, budget_exceeded, no_memory, closed. What is refused is counted and told, never lost.
  Status receive(PeerHandle from, Bytes frame);
  Status complete(CommandId command, std::span<const EncodedOutput> outputs);
  /// `detail` is cut at 4,096 bytes, at the start of a character.
  Status complete_failed(CommandId command, std::string_view reason, std::string_view detail);
  std::uint32_t size() const;
  std::uint64_t refused() const;
  /// Called, on the pushing thread, whenever something is pushed to an empty inbox. Register it before the node is polled for the last
  /// time ahead of a wait, then look at `size` once more.
  void set_waker(std::function<void()> waker);
  /// Nothing more is taken; what is there can still be delivered.
  void close();

  // From the node's thread.
  struct Delivered {
    std::uint32_t entries = 0;  // taken out
    std::uint32_t refused = 0;  // frames that the node refuses, or that are none; the node counts them
    std::uint32_t late = 0;     // answers for commands that wait no longer
    bool blocked = false;       // the node is busy or full: what is left stays, in order, for the next call
  };
  /// Gives a node what was pushed until now. An answer that cannot be decoded fails its op with BadInput/`bad_completion`.
  Delivered deliver(Node& node);

 private:
  enum class Kind : std::uint8_t { frame, completion, failure };
  struct Entry {
    Kind kind = Kind::frame;
    std::uint64_t id = 0;  // of the peer, or of the command
    Array<std::uint8_t> bytes;
  };
  Status push(Entry entry);
  static Status apply(Node& node, const Entry& entry, Delivered& delivered);
  static Status complete(Node& node, const Entry& entry);

  const InboxLimits limits_;
  mutable std::mutex mutex_;
  // Guarded by `mutex_`.
  Array<Entry> pushed_;
  std::uint32_t entries_ = 0;  // those taken by `deliver` and not yet given to the node included
  std::uint64_t bytes_ = 0;
  std::uint64_t refused_ = 0;
  bool closed_ = false;
  std::function<void()> waker_;
  // The node's thread only.
  Array<Entry> taken_;
  std::uint32_t next_ = 0;
};

/// The duty to answer a command, from any thread. Dropping it unanswered fails the command, so no op waits for a thread that gave up.
class CompletionHandle {
 public:
  CompletionHandle(Inbox& inbox, CommandId command) : inbox_(&inbox), command_(command) {}
  CompletionHandle(CompletionHandle&& other) noexcept : inbox_(std::exchange(other.inbox_, nullptr)), command_(other.command_) {}
  CompletionHandle& operator=(CompletionHandle&&) = delete;
  ~CompletionHandle() {
    if (inbox_) (void)inbox_->complete_failed(command_, "dropped", "completion handle dropped");
  }

  CommandId command() const { return command_; }
  /// Once; refused answers may be given again. Errors: those of the inbox, and closed when it was answered.
  Status complete(std::span<const EncodedOutput> outputs) {
    return answer([&] { return inbox_->complete(command_, outputs); });
  }
  Status fail(std::string_view reason, std::string_view detail) {
    return answer([&] { return inbox_->complete_failed(command_, reason, detail); });
  }

 private:
  template <class Give>
  Status answer(Give give) {
    if (!inbox_) return bb::fail(Code::closed);
    BB_CHECK(give());
    inbox_ = nullptr;
    return {};
  }

  Inbox* inbox_;
  CommandId command_;
};

}  // namespace bb
