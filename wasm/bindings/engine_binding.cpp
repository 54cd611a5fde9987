// Registration and errors; the developer tools are in codec_tools.cpp, the JSON descriptions in describe.cpp.
#include "engine_binding.h"

#include "ops/registry.h"

namespace bb::bindings {
namespace {

constexpr std::uint64_t kCodecBytesMax = 256ull << 20;

/// `data_source` or `DataSource`.
Role role_of(std::string_view text) {
  if (const Role role = role_from_name(text); role != Role::none) return role;
  for (std::uint32_t i = 1; i < kRoleCount; ++i) {
    const auto role = static_cast<Role>(i);
    const std::string_view domain = role_domain(role);
    if (domain.starts_with(domain::kRolePrefix) && domain.substr(domain::kRolePrefix.size()) == text) return role;
  }
  return text == "backend" ? Role::backend : text == "protocol" ? Role::protocol : Role::none;
}

}  // namespace

EngineBinding::EngineBinding()
    : registry_(ops::builtin_registry()), calls_(registry_), codec_memory_(kCodecBytesMax), codec_arena_(kCodecBytesMax) {}

EngineBinding::~EngineBinding() = default;

std::int32_t EngineBinding::fail(const Error& error, std::string detail) {
  JsonWriter json;
  json.object().field("code", code_name(error.code)).field("detail", detail).field("at", std::uint64_t{error.at}).end_object();
  last_error_ = json.take();
  return -static_cast<std::int32_t>(error.code);
}

std::int32_t EngineBinding::fail(std::string_view code, std::string_view detail) {
  JsonWriter json;
  json.object().field("code", code).field("detail", detail).end_object();
  return fail(json.take());
}

std::int32_t EngineBinding::fail(std::string json) {
  last_error_ = std::move(json);
  return kFailed;
}

std::int32_t EngineBinding::fail_busy() {
  return fail(Error{Code::busy, 0}, "the engine is running; call it after the poll, or the component's method, has returned");
}

std::uint32_t EngineBinding::reserve(std::uint32_t bytes) {
  std::uint8_t* const at = calls_.arena().reserve(bytes);
  if (!at) fail(Error{Code::no_memory, bytes}, "no room for " + std::to_string(bytes) + " bytes");
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(at));
}

void EngineBinding::release() {
  if (!calls_.calling()) calls_.arena().release({});
}

std::int32_t EngineBinding::begin_component(std::string type_name, std::string role) {
  if (busy()) return fail_busy();
  const Role found = role_of(role);
  if (found == Role::none) return fail("UnknownRole", "no role " + role);
  if (type_name.empty()) return fail("InvalidName", "a component class needs a type name");
  adding_ = std::make_unique<ComponentClass>();
  adding_type_ = std::make_unique<ForeignComponent::Type>();
  adding_->type_name = std::move(type_name);
  adding_->role = found;
  return 0;
}

std::int32_t EngineBinding::component_depends(std::string role, std::string slot, bool optional) {
  const Role found = role_of(role);
  if (!adding_) return fail("InvalidState", "begin a component first");
  if (found == Role::none) return fail("UnknownRole", "no role " + role);
  adding_->depends.push_back({found, std::move(slot), optional});
  return 0;
}

std::int32_t EngineBinding::component_storage(std::string port, std::string type) {
  if (!adding_) return fail("InvalidState", "begin a component first");
  if (!registry_.types.find(type)) return fail("UnknownType", "no type " + type);
  adding_->storage.insert_or_assign(std::move(port), std::move(type));
  return 0;
}

std::int32_t EngineBinding::component_supports(std::string op_type, bool async) {
  if (!adding_) return fail("InvalidState", "begin a component first");
  for (std::uint16_t i = 0; i < registry_.method_count(adding_->role); ++i) {
    const OpDeclaration* const method = registry_.method(adding_->role, i);
    if (!method || method->op_type != op_type) continue;
    if (async && i < 64) adding_type_->async_methods |= std::uint64_t{1} << i;
    adding_->supports.push_back(std::move(op_type));
    return 0;
  }
  return fail("UnknownMethod", "the role " + std::string(role_name(adding_->role)) + " has no method " + op_type);
}

std::int32_t EngineBinding::component_ignores_metadata() {
  if (!adding_) return fail("InvalidState", "begin a component first");
  adding_->ignores_metadata = true;
  return 0;
}

std::int32_t EngineBinding::component_deadline(double milliseconds) {
  if (!adding_type_) return fail("InvalidState", "begin a component first");
  if (!(milliseconds > 0 && milliseconds < 1e12)) return fail("InvalidArgument", "a deadline is a positive number of milliseconds");
  adding_type_->deadline_ns = static_cast<std::uint64_t>(milliseconds * 1e6);
  return 0;
}

std::int32_t EngineBinding::end_component(std::uint32_t class_id) {
  if (!adding_) return fail("InvalidState", "begin a component first");
  const std::string name = adding_->type_name;
  ForeignComponent::Type& type = *types_.emplace_back(std::move(adding_type_));
  type.class_id = class_id;
  ComponentClass added = std::move(*std::exchange(adding_, nullptr));
  // The entry `config` is the number under which JavaScript keeps what it was given for the slot.
  added.construct = [this, &type](const Config& config) -> std::expected<std::unique_ptr<Component>, std::string> {
    const Config::Entry* const entry = config.find("config");
    const auto* const number = entry ? std::get_if<std::int64_t>(entry) : nullptr;
    const std::uint32_t id = calls_.next_component();
    if (bb_component_create(type.class_id, id, number ? static_cast<std::int32_t>(*number) : -1) < 0)
      return std::unexpected("create failed");
    return std::make_unique<ForeignComponent>(calls_, type, id);
  };
  if (const Status status = registry_.add(std::move(added)); !status) {
    types_.pop_back();
    return fail("DuplicateComponent", "a component class " + name + " exists already");
  }
  type.declared = registry_.find_component(name);
  return 0;
}

std::int32_t EngineBinding::call_dependency(std::string slot, std::uint32_t method, std::uint32_t frame) {
  const CallStatus status = calls_.call_dependency(slot, static_cast<std::uint16_t>(method), frame);
  if (status != CallStatus::now)
    fail(calls_.failure_reason().empty() ? "dependency_failed" : calls_.failure_reason(), calls_.failure_detail());
  return static_cast<std::int32_t>(status);
}

std::uint32_t EngineBinding::output_at() const {
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(output_.data()));
}
std::uint32_t EngineBinding::output_size() const { return static_cast<std::uint32_t>(output_.size()); }

}  // namespace bb::bindings
