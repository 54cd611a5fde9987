// Snapshots of version 2: written whole, restored in two steps, of which the second cannot fail.
#include "node/snapshot.h"

#include <algorithm>

#include "bb/hash.h"

namespace bb {
namespace {

std::unexpected<RestoreError> refuse(RestoreError::Kind kind, std::string where, Error error = {}) {
  return std::unexpected(RestoreError{.kind = kind, .where = std::move(where), .error = error});
}

std::unexpected<RestoreError> refuse(const Error& error, std::string where) {
  return refuse(error.code == Code::no_memory ? RestoreError::Kind::no_memory : RestoreError::Kind::malformed, std::move(where),
                error);
}

// A snapshot's numbers of names are of these.
std::uint64_t hash_of_names(const runtime::Engine& engine) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (std::uint32_t i = 0; i < engine.installed_names(); ++i) hash = fnv1a64(engine.names()[i], fnv1a64(Bytes(), hash) ^ i);
  return hash;
}

void write_identity(const runtime::Engine& engine, StateWriter& out) {
  std::uint8_t peer[PeerId::kBytesMax];
  out.bytes({peer, engine.self().write(peer)});
  out.number(engine.graphs().size());
  for (const auto& graph : engine.graphs()) {
    out.text(graph->name);
    out.fixed_u64(graph->body_hash);
  }
  out.number(engine.installed_names());
  out.fixed_u64(hash_of_names(engine));
}

}  // namespace

std::expected<Array<std::uint8_t>, SnapshotError> Node::snapshot() const {
  using Kind = SnapshotError::Kind;
  const auto failed = [](SnapshotError::Kind kind, std::string where, Error error = {}) {
    return std::unexpected(SnapshotError{.kind = kind, .where = std::move(where), .error = error});
  };
  if (engine_->busy()) return failed(Kind::busy, {});
  StateWriter out;
  out.append(kSnapshotMagic);
  out.fixed_u32(kSnapshotVersion);
  out.fixed_u32(0);
  out.fixed_u64(engine_->incarnation());
  out.fixed_u64(engine_->journal_sequence());
  const std::uint32_t length_at = out.size();
  out.fixed_u64(0);
  write_identity(*engine_, out);
  out.number(engine_->instances().size());
  for (const runtime::Instance& instance : engine_->instances()) {
    out.text(instance.slot);
    out.text(instance.type->type_name);
    const std::uint32_t size_at = out.size();
    out.fixed_u32(0);
    if (const Status saved = instance.component->save(out); !saved) {
      if (!out.complete()) return failed(Kind::no_memory, {});
      return failed(Kind::component_failed, instance.slot, saved.error());
    }
    out.patch_u32(size_at, out.size() - size_at - 4);
  }
  runtime::Unsaveable where;
  if (const Status saved = runtime::StateCodec::save(*engine_, out, where); !saved) {
    if (saved.error().code == Code::no_memory) return failed(Kind::no_memory, {});
    return failed(Kind::value_not_encodable, where.graph.empty() ? where.value : where.graph + "." + where.value, saved.error());
  }
  out.patch_u32(length_at, out.size() - static_cast<std::uint32_t>(kSnapshotHeaderSize));
  if (!out.complete()) return failed(Kind::no_memory, {});
  out.append(sha256(out.view()));
  if (!out.complete()) return failed(Kind::no_memory, {});
  return out.take();
}

std::expected<void, RestoreError> Node::restore(Bytes snapshot, const RestoreOptions& options) {
  if (engine_->polling()) return refuse(RestoreError::Kind::busy, {});
  const bool framed = snapshot.size() >= sizeof kSnapshotMagic && equal(snapshot.first(sizeof kSnapshotMagic), kSnapshotMagic);
  return framed ? SnapshotReader(*engine_, options).restore(snapshot) : restore_version_1(*engine_, snapshot, options);
}

// The body of a snapshot that is whole.
std::expected<Bytes, RestoreError> SnapshotReader::open(Bytes snapshot) {
  StateReader in(snapshot);
  (void)in.raw(sizeof kSnapshotMagic);
  const std::uint32_t version = in.fixed_u32();
  if (in.ok() && version != kSnapshotVersion)
    return std::unexpected(
        RestoreError{.kind = Kind::spec_version_mismatch, .where = {}, .error = {}, .got = version, .expected = kSnapshotVersion});
  if (in.fixed_u32() != 0) in.fail(Code::invalid_value);
  incarnation_ = in.fixed_u64();
  (void)in.fixed_u64();
  const std::uint64_t length = in.fixed_u64();
  if (length > in.left() || in.left() - length != kSnapshotChecksumSize) in.fail(Code::truncated);
  if (!in.ok()) return refuse(in.status().error(), "header");
  const std::size_t body_end = kSnapshotHeaderSize + static_cast<std::size_t>(length);
  if (!equal(sha256(snapshot.first(body_end)), snapshot.subspan(body_end))) return refuse({Code::malformed, 0}, "checksum");
  return snapshot.subspan(kSnapshotHeaderSize, static_cast<std::size_t>(length));
}

// Only a node of the same peer, with the same graphs and components, can go on from it.
std::expected<void, RestoreError> SnapshotReader::match(StateReader& in) {
  const auto peer = PeerId::from_bytes(in.bytes(PeerId::kBytesMax));
  if (!in.ok() || !peer) return refuse({Code::malformed, in.position()}, "peer id");
  if (*peer != engine_.self()) return refuse(Kind::snapshot_mismatch, "peer id " + peer->to_text());
  const std::uint32_t graphs = in.count(UINT32_MAX, 9);
  if (in.ok() && graphs != engine_.graphs().size())
    return refuse(Kind::snapshot_mismatch,
                  std::to_string(graphs) + " graphs, " + std::to_string(engine_.graphs().size()) + " installed");
  for (std::uint32_t i = 0; in.ok() && i < graphs; ++i) {
    const std::string_view name = in.text();
    const std::uint64_t hash = in.fixed_u64();
    if (in.ok() && (name != engine_.graphs()[i]->name || hash != engine_.graphs()[i]->body_hash))
      return refuse(Kind::snapshot_mismatch, "graph " + std::string(name));
  }
  const std::uint64_t names = in.number();
  const std::uint64_t names_hash = in.fixed_u64();
  if (!in.ok()) return refuse(in.status().error(), "identity");
  if (names != engine_.installed_names() || names_hash != hash_of_names(engine_)) return refuse(Kind::snapshot_mismatch, "names");
  return find_components(in);
}

std::expected<void, RestoreError> SnapshotReader::find_components(StateReader& in) {
  const std::uint32_t count = in.count(UINT32_MAX, 6);
  if (in.ok() && count != engine_.instances().size())
    return refuse(Kind::snapshot_mismatch,
                  std::to_string(count) + " components, " + std::to_string(engine_.instances().size()) + " installed");
  if (!states_.try_reserve(count) || !own_states_.try_reserve(count)) return refuse(Kind::no_memory, {});
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    const std::string_view slot = in.text();
    const std::string_view type = in.text();
    if (in.ok() && (slot != engine_.instances()[i].slot || type != engine_.instances()[i].type->type_name))
      return refuse(Kind::snapshot_mismatch, "component " + std::string(slot));
    const std::uint32_t size = in.fixed_u32();
    states_.push_reserved(in.raw(size));
  }
  return in.ok() ? std::expected<void, RestoreError>() : refuse(in.status().error(), "components");
}

std::expected<void, RestoreError> SnapshotReader::restore(Bytes snapshot) {
  auto body = open(snapshot);
  if (!body) return std::unexpected(std::move(body.error()));
  StateReader in(*body);
  if (auto matched = match(in); !matched) return matched;
  runtime::StateCodec::Loaded loaded(engine_);
  if (const Status read = runtime::StateCodec::load(in, loaded); !read) return refuse(read.error(), "state");
  if (const Status whole = in.finish(); !whole) return refuse(whole.error(), "state");
  if (auto restored = load_components(); !restored) return restored;
  runtime::StateCodec::commit(loaded);
  go_on();
  return {};
}

// Components change where they are, so each one's own state is kept until all have taken theirs.
std::expected<void, RestoreError> SnapshotReader::load_components() {
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    const runtime::Instance& instance = engine_.instances()[i];
    StateWriter own;
    const Status saved = instance.component->save(own);
    if (!saved || !own.complete()) {
      if (own.complete()) return put_back(i, refuse(Kind::component_restore_failed, instance.slot, saved.error()));
      return put_back(i, refuse(Kind::no_memory, {}));
    }
    own_states_.push_reserved(own.take());
    StateReader in(states_[i]);
    Status loaded = instance.component->load(in, engine_.memory());
    if (loaded) loaded = in.finish();
    if (!loaded)
      return put_back(
          i + 1, refuse(Kind::component_restore_failed, instance.slot + " (" + instance.type->type_name + ")", loaded.error()));
  }
  return {};
}

// The refusal, and of whom it is not true that nothing changed: a component that does not take back what it had a moment ago.
std::unexpected<RestoreError> SnapshotReader::put_back(std::uint32_t count, std::unexpected<RestoreError> refused) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const runtime::Instance& instance = engine_.instances()[i];
    StateReader in({own_states_[i].data(), own_states_[i].size()});
    if (instance.component->load(in, engine_.memory())) continue;
    refused.error().kind = Kind::component_restore_failed;
    refused.error().where += (refused.error().where.empty() ? "" : "; ") + instance.slot + " has lost its state";
  }
  return refused;
}

void SnapshotReader::go_on() {
  if (options_.now_ns) engine_.set_host_clock(*options_.now_ns);
  if (options_.same_incarnation)
    engine_.set_incarnation(incarnation_);
  else
    engine_.begin_life(incarnation_ + 1);
  if (options_.pending == RestoreOptions::Pending::fail) engine_.fail_pending("restored", "the process that would answer is gone");
  if (!options_.same_incarnation) engine_.forget_links();
}

std::string_view SnapshotError::kind_name(Kind kind) {
  switch (kind) {
    case Kind::value_not_encodable: return "ValueNotEncodable";
    case Kind::component_failed: return "ComponentFailed";
    case Kind::no_memory: return "NoMemory";
    case Kind::busy: return "Busy";
  }
  return "SnapshotError";
}

std::string SnapshotError::text() const {
  std::string text(kind_name(kind));
  if (!where.empty()) text += " `" + where + "`";
  if (error.code != Code::ok) text += ": " + std::string(code_name(error.code));
  return text;
}

std::string_view RestoreError::kind_name(Kind kind) {
  switch (kind) {
    case Kind::malformed: return "Malformed";
    case Kind::spec_version_mismatch: return "SpecVersionMismatch";
    case Kind::snapshot_mismatch: return "SnapshotMismatch";
    case Kind::component_restore_failed: return "ComponentRestoreFailed";
    case Kind::no_memory: return "NoMemory";
    case Kind::busy: return "Busy";
  }
  return "RestoreError";
}

std::string RestoreError::text() const {
  std::string text(kind_name(kind));
  if (!where.empty()) text += " `" + where + "`";
  if (kind == Kind::spec_version_mismatch) text += ": got " + std::to_string(got) + ", expected " + std::to_string(expected);
  if (error.code != Code::ok) text += ": " + std::string(code_name(error.code)) + " at " + std::to_string(error.at);
  return text;
}

}  // namespace bb
