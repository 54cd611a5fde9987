// Applying a journal: each record becomes the call that made it.
#include "bb/value_state.h"
#include "node/output_gate.h"
#include "node/recording.h"

namespace bb {

class Replayer {
 public:
  Replayer(Node& node, const std::function<void(const Poll&)>& polled) : node_(node), polled_(polled) {}

  std::expected<Replayed, ReplayError> run(Bytes journal) {
    std::size_t at = 0;
    while (at < journal.size()) {
      const auto frame = read_frame(journal.subspan(at));
      if (!frame) {
        // Only the last write can be torn, and it was never reported as durable.
        if (frame.error().code == Code::truncated || last(journal, at)) {
          replayed_.torn = true;
          replayed_.torn_at = at;
          break;
        }
        return refuse(frame.error(), at);
      }
      if (auto applied = apply(*frame, at); !applied) return std::unexpected(applied.error());
      at += frame->size;
    }
    return replayed_;
  }

 private:
  static std::unexpected<ReplayError> refuse(const Error& error, std::uint64_t at) {
    const bool memory = error.code == Code::no_memory;
    return std::unexpected(
        ReplayError{.kind = memory ? ReplayError::Kind::no_memory : ReplayError::Kind::malformed,
                    .error = {error.code, static_cast<std::uint32_t>(std::min<std::uint64_t>(at + error.at, UINT32_MAX))}});
  }

  // Whether a frame with a wrong checksum reaches to the end of the journal.
  static bool last(Bytes journal, std::size_t at) {
    StateReader in(journal.subspan(at));
    (void)in.raw(sizeof Journal::kFrameMagic);
    const std::uint64_t length = in.fixed_u32();
    return in.ok() && journal.size() - at <= Journal::kFrameHeaderSize + length + Journal::kFrameChecksumSize;
  }

  std::expected<void, ReplayError> apply(const JournalFrame& frame, std::size_t at) {
    runtime::Engine& engine = *node_.engine_;
    const std::uint64_t expected = engine.journal_sequence();
    if (frame.first_sequence > expected)
      return std::unexpected(
          ReplayError{.kind = ReplayError::Kind::sequence_hole, .error = {}, .expected = expected, .got = frame.first_sequence});
    StateReader in(frame.payload);
    for (std::uint32_t i = 0; i < frame.records; ++i) {
      const bool known = frame.first_sequence + i < expected;
      if (const Status done = record(in, known); !done) return refuse(done.error(), at + Journal::kFrameHeaderSize);
      if (known) continue;
      engine.count_input();
      ++replayed_.inputs;
    }
    if (const Status whole = in.finish(); !whole) return refuse(whole.error(), at + Journal::kFrameHeaderSize);
    return {};
  }

  Status peer(StateReader& in, PeerId& id) {
    const Bytes bytes = in.bytes(PeerId::kBytesMax);
    BB_CHECK(in.status());
    return PeerId::read(bytes, id) ? Status{} : fail(Code::invalid_value, in.position());
  }
  Result<Address> address(StateReader& in) {
    const Bytes bytes = in.bytes();
    BB_CHECK(in.status());
    auto address = Address::from_bytes(bytes);
    if (!address) return fail(Code::invalid_value, in.position());
    return std::move(*address);
  }
  static bool lacks_memory(const Error& error) { return error.code == Code::no_memory; }
  static bool lacks_memory(const DeliveryError& error) { return error.kind == DeliveryError::Kind::no_memory; }
  static bool lacks_memory(const BootstrapError& error) {
    return error.kind == BootstrapError::Kind::allocation_failed && error.byte_count == 0;
  }
  // A call that was applied once is applied again; one that now fails, and not for want of memory, shows that the journal is another
  // node's.
  template <class Answer>
  Status again(StateReader& in, const Answer& answer) {
    if (answer) return {};
    return fail(lacks_memory(answer.error()) ? Code::no_memory : Code::invalid_value, in.position());
  }

  Status completed(StateReader& in, const Status& answer) {
    return answer || answer.error().code == Code::unknown_command ? Status{} : again(in, answer);
  }

  // `known`: read, but not applied.
  Status record(StateReader& in, bool known) {
    using Kind = Journal::Kind;
    const std::uint8_t kind = in.byte();
    if (kind >= Journal::kKinds) in.fail(Code::invalid_value);
    BB_CHECK(in.status());
    switch (static_cast<Kind>(kind)) {
      case Kind::poll: return poll(in, known);
      case Kind::receive:
      case Kind::frame_refused: return frame(in, static_cast<Kind>(kind), known);
      case Kind::invoke:
      case Kind::deliver_event: return start(in, static_cast<Kind>(kind), known);
      case Kind::complete: return complete(in, known);
      case Kind::complete_failed: return complete_failed(in, known);
      case Kind::bootstrap: return bootstrap(in, known);
      case Kind::bootstrap_slots: return bootstrap_slots(in, known);
      case Kind::set_allowlist: return set_allowlist(in, known);
      case Kind::add_peer: return add_peer(in, known);
      case Kind::component: return fail(Code::invalid_value, in.position());  // only within a poll
      default: return simple(in, static_cast<Kind>(kind), known);
    }
  }

  Status poll(StateReader& in, bool known) {
    const std::uint64_t now_ns = in.number();
    const auto ops = in.number_u32();
    BB_CHECK(in.status());
    if (known) return {};
    const runtime::PollResult result = node_.engine_->poll(now_ns, ops);
    if (polled_) polled_({.steps = result.steps, .next_wakeup_ns = result.next_wakeup_ns, .more = result.more});
    if (node_.engine_->stalled()) return fail(Code::no_memory, in.position());
    ++replayed_.polls;
    return {};
  }

  Status frame(StateReader& in, Journal::Kind kind, bool known) {
    const PeerHandle from{in.number_u32()};
    runtime::Engine& engine = *node_.engine_;
    const std::uint32_t index = engine.peers().resolve(from);
    if (kind == Journal::Kind::receive) {
      const Bytes bytes = in.bytes();
      BB_CHECK(in.status());
      if (known) return {};
      if (index == framework::kNoPeer || !engine.peers().at(index).admitted) return fail(Code::invalid_value, in.position());
      const runtime::Received received = engine.receive(index, bytes);
      using Answer = std::expected<void, Error>;
      return again(in, received.kind == runtime::Received::Kind::accepted ? Answer() : Answer(std::unexpect, received.error));
    }
    const auto refused = static_cast<runtime::Received::Kind>(in.number_to(3));
    (void)in.number_to(static_cast<std::uint64_t>(Code::bad_argument));  // why, for who reads a journal
    BB_CHECK(in.status());
    if (known) return {};
    if (index == framework::kNoPeer) return fail(Code::invalid_value, in.position());
    engine.repeat_refusal(index, refused);
    return {};
  }

  Status start(StateReader& in, Journal::Kind kind, bool known) {
    const TargetId target{in.number_u32()};
    const std::uint32_t count = in.count(UINT32_MAX, 2);
    BB_CHECK(in.status());
    Array<InputValue> inputs;
    for (std::uint32_t i = 0; i < count; ++i) {
      InputValue input{.input = InputId{in.number_u32()}, .value = {}};
      BB_CHECK(load_value(in, node_.memory(), input.value));
      if (!inputs.try_push(std::move(input))) return fail(Code::no_memory);
    }
    BB_CHECK(in.status());
    if (known) return {};
    if (kind == Journal::Kind::invoke) return again(in, node_.invoke(target, {inputs.data(), inputs.size()}));
    if (inputs.size() != 1) return fail(Code::invalid_value, in.position());
    return again(in, node_.deliver_event(target, inputs[0].input, std::move(inputs[0].value)));
  }

  Status complete(StateReader& in, bool known) {
    const CommandId command{in.number()};
    const std::uint32_t count = in.count(UINT32_MAX);
    Array<Value> outputs;
    for (std::uint32_t i = 0; i < count; ++i) {
      Value value;
      BB_CHECK(load_value(in, node_.memory(), value));
      if (!outputs.try_push(std::move(value))) return fail(Code::no_memory);
    }
    BB_CHECK(in.status());
    return known ? Status{} : completed(in, node_.engine_->complete(command, {outputs.data(), outputs.size()}));
  }

  Status complete_failed(StateReader& in, bool known) {
    const CommandId command{in.number()};
    OpError error;
    error.kind = static_cast<OpErrorKind>(in.number_to(static_cast<std::uint64_t>(OpErrorKind::cooldown)));
    error.reason = in.text();  // the engine keeps its own
    error.detail = in.text();
    BB_CHECK(in.status());
    if (known) return {};
    return completed(in, node_.engine_->complete_failed(command, std::move(error)));
  }

  Status bootstrap(StateReader& in, bool known) {
    const std::uint32_t count = in.count(UINT32_MAX, 2);
    std::vector<BootstrapRequest> requests;
    std::vector<std::vector<NamedValue>> inputs(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::string_view target = in.text();
      for (std::uint32_t left = in.count(UINT32_MAX, 2); left > 0; --left) {
        NamedValue input{.name = in.text(), .value = {}};
        BB_CHECK(load_value(in, node_.memory(), input.value));
        inputs[i].push_back(std::move(input));
      }
      requests.push_back({.target = target, .inputs = inputs[i]});
    }
    BB_CHECK(in.status());
    return known ? Status{} : again(in, node_.bootstrap(std::span<const BootstrapRequest>(requests)));
  }

  Status bootstrap_slots(StateReader& in, bool known) {
    std::vector<std::string_view> slots;
    for (std::uint32_t left = in.count(UINT32_MAX); left > 0; --left) slots.push_back(in.text());
    BB_CHECK(in.status());
    return known ? Status{} : again(in, node_.bootstrap_slots(slots));
  }

  Status set_allowlist(StateReader& in, bool known) {
    std::vector<PeerId> peers;
    for (std::uint32_t left = in.count(UINT32_MAX, 3); left > 0; --left) {
      PeerId id;
      BB_CHECK(peer(in, id));
      peers.push_back(id);
    }
    return known ? in.status() : again(in, node_.set_allowlist(peers));
  }

  Status add_peer(StateReader& in, bool known) {
    PeerId id;
    BB_CHECK(peer(in, id));
    std::vector<Address> addresses;
    for (std::uint32_t left = in.count(UINT32_MAX); left > 0; --left) {
      BB_TRY(address, this->address(in));
      addresses.push_back(std::move(address));
    }
    BB_CHECK(in.status());
    return known ? Status{} : again(in, node_.add_peer(id, addresses));
  }

  Status simple(StateReader& in, Journal::Kind kind, bool known) {
    using Kind = Journal::Kind;
    PeerId id;
    switch (kind) {
      case Kind::retire:
      case Kind::grant:
      case Kind::link_up:
      case Kind::link_down: {
        const PeerHandle handle{in.number_u32()};
        const std::uint64_t number = kind == Kind::retire ? 0 : in.number();
        BB_CHECK(in.status());
        if (known) return {};
        if (kind == Kind::retire) return again(in, node_.retire(handle));
        if (kind == Kind::grant) return again(in, node_.grant(handle, number));
        if (kind == Kind::link_up) return again(in, node_.link_up(handle, static_cast<std::uint8_t>(number)));
        return again(in, node_.link_down(handle, static_cast<std::uint16_t>(number)));
      }
      case Kind::send_failed: {
        const std::uint64_t request = in.number();
        const PeerHandle handle{in.number_u32()};
        const std::string_view reason = in.text();
        BB_CHECK(in.status());
        return known ? Status{} : again(in, node_.send_failed(request, handle, reason));
      }
      case Kind::admit: {
        BB_CHECK(peer(in, id));
        const auto channel = static_cast<ChannelKind>(in.number_to(static_cast<std::uint64_t>(ChannelKind::itself)));
        const std::uint64_t incarnation = in.number();
        BB_CHECK(in.status());
        return known ? Status{} : again(in, node_.admit(id, channel, incarnation));
      }
      case Kind::block_peer:
      case Kind::unblock_peer:
      case Kind::drop_peer: {
        BB_CHECK(peer(in, id));
        if (known) return {};
        if (kind == Kind::drop_peer) return again(in, node_.drop_peer(id));
        return again(in, kind == Kind::block_peer ? node_.block_peer(id) : node_.unblock_peer(id));
      }
      case Kind::register_address:
      case Kind::forget_address:
      case Kind::observe_address: {
        BB_CHECK(peer(in, id));
        BB_TRY(address, this->address(in));
        if (known) return {};
        if (kind == Kind::observe_address) return again(in, node_.observe_address(id, address));
        return again(in, kind == Kind::register_address ? node_.register_address(id, address) : node_.forget_address(id, address));
      }
      case Kind::fire_lifecycle: {
        const std::string_view phase = in.text();
        BB_CHECK(in.status());
        return known ? Status{} : again(in, node_.fire_lifecycle(phase));
      }
      case Kind::subscribe_event: {
        const std::string_view event = in.text();
        const std::string_view target = in.text();
        const std::string_view input = in.text();
        BB_CHECK(in.status());
        return known ? Status{} : again(in, node_.subscribe_event(event, target, input));
      }
      case Kind::suspended: {
        const std::uint64_t gap_ns = in.number();
        BB_CHECK(in.status());
        return known ? Status{} : again(in, node_.suspended(gap_ns));
      }
      case Kind::set_mask: {
        const std::uint64_t bits = in.number_to(31);
        BB_CHECK(in.status());
        return known ? Status{} : again(in, node_.set_mask(StepMask::from_bits(bits)));
      }
      default: break;
    }
    BB_CHECK(in.status());
    return known ? Status{} : again(in, node_.clear_allowlist());
  }

  Node& node_;
  const std::function<void(const Poll&)>& polled_;
  Replayed replayed_;
};

std::expected<Replayed, ReplayError> Node::replay(Bytes journal, const std::function<void(const Poll&)>& polled) {
  if (engine_->polling()) return std::unexpected(ReplayError{.kind = ReplayError::Kind::busy, .error = {}});
  // What is applied again is in a journal already.
  auto recording = std::exchange(journal_, nullptr);
  auto replayed = Replayer(*this, polled).run(journal);
  journal_ = std::move(recording);
  if (gate_) gate_->commit(engine_->journal_sequence());
  return replayed;
}

std::string_view ReplayError::kind_name(Kind kind) {
  switch (kind) {
    case Kind::malformed: return "Malformed";
    case Kind::sequence_hole: return "SequenceHole";
    case Kind::no_memory: return "NoMemory";
    case Kind::busy: return "Busy";
  }
  return "ReplayError";
}

std::string ReplayError::text() const {
  std::string text(kind_name(kind));
  if (kind == Kind::sequence_hole) text += ": inputs " + std::to_string(expected) + " to " + std::to_string(got) + " are missing";
  if (error.code != Code::ok) text += ": " + std::string(code_name(error.code)) + " at " + std::to_string(error.at);
  return text;
}

}  // namespace bb
