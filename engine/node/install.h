// Installing: artifacts are checked, targets found, bindings unified, components built, functions linked, sites registered. All of
// it, or a typed error and nothing.
#pragma once

#include "bb/node.h"
#include "ir/model.h"
#include "runtime/linker.h"

namespace bb {

class Installer {
 public:
  Installer(const Registry& registry, InstallOptions options);
  std::expected<std::unique_ptr<Node>, InstallError> install();

 private:
  using Kind = InstallError::Kind;
  struct Binding {
    std::string slot;
    std::string role;
    std::string type_name;
    std::int64_t slot_id = -1;
  };
  struct Target {
    std::size_t artifact = 0;
    const onnx::FunctionProto* function = nullptr;
    std::string base_name;
    std::vector<Binding> bindings;
  };

  std::expected<void, InstallError> load_artifacts();
  std::expected<void, InstallError> find_target(const std::string& name);
  std::expected<void, InstallError> read_bindings(Target& target);
  std::expected<void, InstallError> unify_bindings();
  std::expected<void, InstallError> build_components();
  std::expected<void, InstallError> collect_functions();
  void collect_callees(std::size_t from);
  std::expected<void, InstallError> link_functions();
  std::expected<void, InstallError> add_services();
  std::uint32_t resolve_slot(const Target& target, std::string_view slot, std::int64_t slot_id, Role role) const;

  const Registry& registry_;
  InstallOptions options_;
  std::vector<onnx::ModelProto> models_;
  std::vector<Target> targets_;
  std::vector<runtime::FunctionToLink> functions_;               // targets, their bootstraps, and what these call
  std::vector<std::size_t> target_of_;                           // parallel: for a bootstrap its target
  std::vector<Binding> slots_;                                   // unified, in first-seen order: the component numbers
  std::map<std::string, std::string, std::less<>> alias_of_;     // slot → the slot whose instance it shares
  std::map<std::string, std::uint32_t, std::less<>> instances_;  // slot → instance
  std::unique_ptr<Node> node_;
};

}  // namespace bb
