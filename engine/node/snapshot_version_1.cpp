// Snapshots as the reference writes them (spec B §10): fixed-width little-endian fields, lengths of eight bytes. Executions, timers and
// most else were never in them, so a node that is restored from one begins anew but for what is read here.
#include "bb/value_state.h"
#include "node/snapshot.h"
#include "wire/bincode.h"
#include "wire/envelope_view.h"

namespace bb {
namespace {

using Kind = RestoreError::Kind;

std::unexpected<RestoreError> refuse(RestoreError::Kind kind, std::string where, Error error = {}) {
  return std::unexpected(RestoreError{.kind = kind, .where = std::move(where), .error = error});
}

class Version1 {
 public:
  Version1(runtime::Engine& engine, Bytes snapshot) : engine_(engine), in_(snapshot), loaded_(engine) {}

  std::expected<void, RestoreError> restore(const RestoreOptions& options) {
    if (const Status read = this->read(); !read) {
      if (!mismatch_.empty()) return refuse(Kind::snapshot_mismatch, std::move(mismatch_));
      if (!component_.empty()) return refuse(Kind::component_restore_failed, std::move(component_), read.error());
      if (version_ != 1 && read.error().code == Code::bad_version)
        return std::unexpected(
            RestoreError{.kind = Kind::spec_version_mismatch, .where = {}, .error = {}, .got = version_, .expected = 1});
      return refuse(read.error().code == Code::no_memory ? Kind::no_memory : Kind::malformed, "version 1", read.error());
    }
    runtime::StateCodec::commit(loaded_);
    if (options.now_ns) engine_.set_host_clock(*options.now_ns);
    if (options.same_incarnation)
      engine_.set_incarnation(incarnation_);
    else
      engine_.begin_life(incarnation_ + 1);
    if (options.pending == RestoreOptions::Pending::fail) engine_.fail_pending("restored", "the process that would answer is gone");
    return {};
  }

 private:
  runtime::State& state() { return runtime::StateCodec::state(loaded_); }
  Result<std::uint64_t> u64() { return in_.number<std::uint64_t>(); }
  Result<bool> flag() {
    BB_TRY(value, in_.number<std::uint8_t>());
    if (value > 1) return fail(Code::invalid_value, in_.at());
    return value == 1;
  }
  /// Calls `entry()` for each entry of a list, each of at least `bytes_each` bytes.
  template <class Entry>
  Status list(std::size_t bytes_each, Entry entry) {
    BB_TRY(count, in_.count(bytes_each));
    for (std::uint64_t i = 0; i < count; ++i) BB_CHECK(entry());
    return {};
  }
  Status skip_option() {
    BB_TRY(present, flag());
    if (!present) return {};
    BB_TRY(value, u64());
    (void)value;
    return {};
  }

  Status read() {
    BB_TRY(incarnation, u64());
    incarnation_ = incarnation;
    BB_CHECK(config());
    BB_CHECK(graphs());
    BB_CHECK(components());
    BB_CHECK(runtime::StateCodec::begin(loaded_));
    BB_CHECK(list(8, [] { return Status{}; }));  // the frontier, the slot table: always empty
    BB_CHECK(list(8, [] { return Status{}; }));
    BB_CHECK(parked());
    BB_CHECK(list(8, [] { return Status{}; }));  // executions: always empty
    BB_CHECK(counters());
    BB_CHECK(list(8, [&] { return phase(); }));
    BB_CHECK(list(24, [&] { return addresses(); }));
    BB_CHECK(governor());
    BB_CHECK(list(28, [&] { return backoff(); }));
    BB_CHECK(list(9, [&] { return envelope(); }));
    BB_TRY(self, in_.lengthy());
    BB_TRY(next_command, u64());
    BB_TRY(next_exec, u64());
    BB_TRY(version, in_.number<std::uint32_t>());
    version_ = version;
    if (version_ != 1) return fail(Code::bad_version, version_);
    if (!is_self(self)) return fail(Code::invalid_value, in_.at());
    state().next_command_ = std::max(state().next_command_, next_command);
    state().next_exec_ = std::max(state().next_exec_, next_exec);
    return list(16, [&] { return subscription(); });
  }

  bool is_self(Bytes bytes) {
    const auto peer = PeerId::from_bytes(bytes);
    if (peer && *peer == engine_.self()) return true;
    mismatch_ = "peer id";
    return false;
  }

  Status config() {
    BB_TRY(peer, in_.lengthy());
    for (int i = 0; i < 3; ++i) BB_CHECK(skip_option());
    BB_TRY(bus_capacity, u64());
    (void)bus_capacity;
    return is_self(peer) ? Status{} : fail(Code::invalid_value, in_.at());
  }

  Status graphs() {
    return list(16, [&]() -> Status {
      BB_TRY(name, in_.lengthy());
      BB_TRY(body, in_.lengthy());
      (void)body;  // a name ends in the hash of what it names
      for (const auto& graph : engine_.graphs()) {
        const std::string_view text = as_text(name);
        if (graph->name == text || "::" + graph->name == text) return {};
      }
      mismatch_ = "graph " + std::string(as_text(name));
      return fail(Code::invalid_value, in_.at());
    });
  }

  // Their states are in formats of their own, which only the reference's components read.
  Status components() {
    return list(24, [&]() -> Status {
      BB_TRY(type, in_.lengthy());
      BB_TRY(instance, in_.number<std::uint32_t>());
      BB_TRY(package, in_.number<std::uint32_t>());
      BB_TRY(bytes, in_.lengthy());
      if (package > 1) return fail(Code::invalid_value, in_.at());
      const auto& instances = engine_.instances();
      if (instance >= instances.size() || instances[instance].type->type_name != as_text(type)) {
        mismatch_ = "component " + std::string(as_text(type));
        return fail(Code::invalid_value, in_.at());
      }
      if (bytes.empty()) return {};
      component_ = std::string(as_text(type));
      return fail(Code::unknown_type, in_.at());
    });
  }

  Status parked() {
    return list(33, [&]() -> Status {
      BB_TRY(command, u64());
      BB_TRY(op, u64());
      BB_TRY(exec, u64());
      BB_CHECK(list(8, [&]() -> Status {
        BB_TRY(site, u64());
        (void)site;
        return {};
      }));
      BB_TRY(limited, flag());
      std::uint64_t deadline_ns = 0;
      if (limited) {
        BB_TRY(at_ns, u64());
        deadline_ns = at_ns;
      }
      return runtime::StateCodec::park(loaded_, CommandId{command}, OpRef{op}, ExecId{exec}, deadline_ns);
    });
  }

  Status counters() {
    return list(16, [&]() -> Status {
      BB_TRY(name, in_.lengthy());
      BB_TRY(value, u64());
      BB_TRY(number, runtime::StateCodec::name(loaded_, as_text(name)));
      return state().metrics_.add(number, value);
    });
  }

  Status phase() {
    BB_TRY(text, in_.lengthy());
    BB_TRY(name, runtime::StateCodec::name(loaded_, as_text(text)));
    if (state().phases_.size() >= state().phases_.limit()) return fail(Code::over_cap, state().phases_.size());
    return state().phases_.try_push({.name = name}) ? Status{} : fail(Code::no_memory);
  }

  // An entry that cannot be read is left out, as the reference does.
  Status addresses() {
    BB_TRY(peer, in_.lengthy());
    Array<Bytes> list;
    bool readable = true;
    const auto entry = [&]() -> Status {
      BB_TRY(address, in_.lengthy());
      readable = readable && Address::from_bytes(address).has_value();
      return list.try_push(address) ? Status{} : fail(Code::no_memory);
    };
    BB_CHECK(this->list(8, entry));
    BB_TRY(references, u64());
    const auto id = PeerId::from_bytes(peer);
    if (!id || list.empty() || !readable) return {};
    const auto error = state().peers_.restore_entry(*id, {list.data(), list.size()}, references);
    return error == framework::AddressBookError::no_memory ? Status(fail(Code::no_memory)) : Status{};
  }

  Result<framework::PeerRecord*> record(Bytes peer) {
    BB_TRY(id, PeerId::from_bytes(peer));
    BB_TRY(index, state().peers_.find_or_insert(id));
    return &state().peers_.at(index);
  }

  Status governor() {
    BB_CHECK(list(8, [&]() -> Status {
      BB_TRY(peer, in_.lengthy());
      BB_TRY(found, record(peer));
      found->policy.blocked = true;
      return {};
    }));
    BB_TRY(allowlist, flag());
    if (allowlist) {
      state().governor_.set_allowlist_active(true);
      BB_CHECK(list(8, [&]() -> Status {
        BB_TRY(peer, in_.lengthy());
        BB_TRY(found, record(peer));
        found->policy.listed = true;
        return {};
      }));
    }
    BB_CHECK(list(21, [&]() -> Status {
      BB_TRY(peer, in_.lengthy());
      BB_TRY(failures, in_.number<std::uint32_t>());
      BB_TRY(last_event_ns, u64());
      BB_TRY(down, flag());
      BB_TRY(found, record(peer));
      found->health = {.consecutive_failures = failures, .last_event_ns = last_event_ns, .down = down};
      return {};
    }));
    BB_TRY(threshold, in_.number<std::uint32_t>());
    state().governor_.set_failure_threshold(threshold);
    return {};
  }

  Status backoff() {
    BB_TRY(peer, in_.lengthy());
    BB_TRY(attempts, in_.number<std::uint32_t>());
    BB_TRY(last_attempt_ns, u64());
    BB_TRY(next_retry_ns, u64());
    BB_TRY(found, record(peer));
    found->backoff = {.attempts = attempts, .last_attempt_ns = last_attempt_ns, .next_retry_ns = next_retry_ns};
    return {};
  }

  // One that cannot be read, or that is for nobody, is left out.
  Status envelope() {
    BB_TRY(bytes, in_.lengthy());
    BB_TRY(redelivered, flag());
    (void)redelivered;
    if (!view_.parse(bytes, engine_.limits().envelope) || view_.destinations.empty()) return {};
    const auto address = Address::from_bytes(view_.destinations[0]);
    if (!address || !address->peer_id()) return {};
    BB_TRY(index, state().peers_.find_or_insert(*address->peer_id()));
    framework::OutboundMessage message{.peer = index, .head = {}, .body = {}, .bytes = bytes.size()};
    BB_TRY(head, Value::bytes(engine_.memory(), bytes));
    BB_TRY(body, Value::bytes(engine_.memory(), {}));
    message.head = std::move(head);
    message.body = std::move(body);
    const auto pushed = state().outbound_.push(state().peers_.at(index).outbound, std::move(message),
                                               [this](std::uint32_t peer) -> auto& { return state().peers_.at(peer).outbound; });
    return pushed.kind == framework::Outbound::Pushed::Kind::no_memory ? Status(fail(Code::no_memory)) : Status{};
  }

  Status subscription() {
    BB_TRY(kind, in_.lengthy());
    return list(8, [&]() -> Status {
      BB_TRY(site, u64());
      return runtime::StateCodec::subscribe(loaded_, as_text(kind), SiteId{site});
    });
  }

  runtime::Engine& engine_;
  wire::BincodeReader in_;
  runtime::StateCodec::Loaded loaded_;
  wire::EnvelopeView view_;
  std::uint64_t incarnation_ = 0;
  std::uint32_t version_ = 0;
  std::string mismatch_;
  std::string component_;
};

}  // namespace

std::expected<void, RestoreError> restore_version_1(runtime::Engine& engine, Bytes snapshot, const RestoreOptions& options) {
  return Version1(engine, snapshot).restore(options);
}

}  // namespace bb
