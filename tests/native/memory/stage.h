// Nodes on a stage where memory runs out at a chosen moment: every call into a node goes through `call` or `poll`, which say what has
// to hold when an allocation of it failed.
#pragma once

#include <map>
#include <stdexcept>

#include "support/faults.h"
#include "support/network.h"

namespace bb::test {

/// A rule that did not hold.
struct Finding : std::runtime_error {
  using std::runtime_error::runtime_error;
};
inline void require_rule(bool holds, const std::string& rule) {
  if (!holds) throw Finding(rule);
}

/// One call of the undisturbed run: what it answered, and how many allocations came before it.
struct CallNote {
  std::uint64_t first = 0;  // the allocations of earlier calls
  Code answer = Code::ok;
};

/// What a call answered, whatever its type: a code, and a text for findings.
struct Answer {
  Code code = Code::ok;
  std::string text;
};
inline Answer answer_of(const Error& error) { return {error.code, std::string(code_name(error.code))}; }
inline Answer answer_of(const DeliveryError& error) {
  return {error.kind == DeliveryError::Kind::no_memory      ? Code::no_memory
          : error.kind == DeliveryError::Kind::ingress_full ? Code::queue_full
                                                            : Code::bad_argument,
          error.text()};
}
inline Answer answer_of(const BootstrapError& error) {
  return {error.kind == BootstrapError::Kind::allocation_failed ? Code::no_memory : Code::bad_argument, error.text()};
}
inline Answer answer_of(const SnapshotError& error) {
  return {error.kind == SnapshotError::Kind::no_memory ? Code::no_memory : Code::bad_argument, error.text()};
}
inline Answer answer_of(const RestoreError& error) {
  return {error.kind == RestoreError::Kind::no_memory ? Code::no_memory : Code::malformed, error.text()};
}
inline Answer answer_of(const ReplayError& error) { return {error.error.code, error.text()}; }
template <class T, class E>
Answer answer_of(const std::expected<T, E>& result) {
  return result ? Answer() : answer_of(result.error());
}
inline Answer answer_of(const ReceiveStatus& status) {
  if (status.kind == ReceiveStatus::Kind::malformed) return {Code::malformed, status.envelope.text()};
  if (status.kind == ReceiveStatus::Kind::duplicate) return {Code::duplicate, "duplicate"};
  return answer_of(status.error);
}

class Stage {
 public:
  /// `undisturbed`: the calls of the run without a failure; nullptr: this is that run. `number`: of the allocation that fails.
  Stage(const Registry& registry, const std::vector<CallNote>* undisturbed, std::uint64_t number)
      : registry_(registry), undisturbed_(undisturbed), number_(number) {}

  /// Incarnation 1, all steps, and one address unless told otherwise.
  Node& install(std::uint64_t peer, InstallOptions options);
  std::unique_ptr<Node> make(std::uint64_t peer) const;
  Node& node(std::uint64_t peer) { return *nodes_.at(peer); }
  void remove(std::uint64_t peer) { nodes_.erase(peer); }
  void replace(std::uint64_t peer, std::unique_ptr<Node> node) { nodes_[peer] = std::move(node); }

  enum class Keeps : std::uint8_t { everything, all_but_counters, nothing };
  /// `act(node)` makes its values, opens a `Faults::Window` and calls the node; it is repeated once memory is back.
  template <class Act>
  auto call(std::uint64_t peer, Act act, Keeps keeps = Keeps::everything) {
    Node& target = node(peer);
    const bool falls = begins();
    const ByteBuffer before = falls && keeps != Keeps::nothing ? state_of(target, keeps) : ByteBuffer();
    const std::uint64_t failed = Faults::failed();
    auto result = act(target);
    Answer answer = answer_of(result);
    if (Faults::failed() > failed) {
      Faults::disarm();
      hit = true;
      if (answer.code != expected()) {
        require_rule(answer.code == Code::no_memory, "a call that found no memory says so: " + answer.text);
        if (keeps != Keeps::nothing) require_same(before, state_of(target, keeps), at_);
        refused = true;
        result = act(target);
        answer = answer_of(result);
      } else {
        absorbed = true;
      }
    }
    ends(answer);
    return result;
  }
  ReceiveStatus deliver(std::uint64_t to, std::uint64_t from, Bytes frame);
  /// Polls until nothing is left to do at this time.
  void poll(std::uint64_t peer);
  Poll poll_once(std::uint64_t peer);
  /// Polls and delivers until nobody has anything left to do at this time.
  void run();
  void advance(std::uint64_t ns) { now_ns += ns; }
  void introduce();
  void know(std::uint64_t peer, std::uint64_t other);
  /// Lets time pass until nothing is alive but what is to live on.
  void finish();

  std::vector<Seen> seen;
  std::vector<Network::Sent> sent;
  std::vector<CommandId> suspended;     // of all nodes, in order
  std::vector<std::uint64_t> requests;  // ids of envelopes that left
  std::vector<CallNote> calls;
  bool hold = false;      // envelopes are written down but not delivered
  bool hit = false;       // the failure has come
  bool refused = false;   // by a refused call, which was repeated
  bool absorbed = false;  // by a call that could do without
  bool stalled = false;   // by a poll that said `more`
  bool compares = true;   // whether the steps must be those of the undisturbed run
  std::uint64_t now_ns = 0;

  std::size_t count(std::string_view kind) const;
  /// Steps, events and envelopes that nodes have dropped and counted.
  std::uint64_t dropped() const;

 private:
  bool begins();
  Code expected() const { return undisturbed_ && at_ < undisturbed_->size() ? (*undisturbed_)[at_].answer : Code::ok; }
  void ends(const Answer& answer);
  static ByteBuffer state_of(const Node& node, Keeps keeps);
  static void require_same(const ByteBuffer& before, const ByteBuffer& after, std::size_t call);
  void note(std::uint64_t peer, Node& node, const Step& step);

  struct Installed {
    InstallOptions options;
    std::vector<ByteBuffer> artifacts;
  };
  const Registry& registry_;
  const std::vector<CallNote>* undisturbed_;
  std::uint64_t number_;
  std::size_t at_ = 0;
  std::map<std::uint64_t, Installed> installed_;
  std::map<std::uint64_t, std::unique_ptr<Node>> nodes_;
};

}  // namespace bb::test
