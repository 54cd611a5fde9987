// An artifact's targets are its functions that have a port table in the model's metadata.
#include "bb/artifact.h"

#include "bb/types.h"
#include "ir/metadata.h"
#include "ir/model.h"

namespace bb {
namespace {

// `in:<name>:<denotation>,...;out:...`
bool read_ports(std::string_view text, std::string_view prefix, const TypeTree& tree, std::vector<PortTable::Entry>& into) {
  if (!text.starts_with(prefix)) return false;
  for (const std::string& part : ir::split(text.substr(prefix.size()), ',')) {
    const std::size_t colon = part.find(':');
    if (colon == 0 || colon == std::string::npos) return false;
    const std::string denotation = part.substr(colon + 1);
    const TypeNode* node = tree.find_denotation(denotation);
    into.push_back({part.substr(0, colon), node ? node->id : denotation.empty() ? "any" : denotation});
  }
  return true;
}

}  // namespace

Result<Artifact> Artifact::from(Bytes bytes) {
  auto model = ir::load_model(bytes);
  if (!model) return std::unexpected(model.error().error);
  if (auto verified = ir::verify_model(*model); !verified) return std::unexpected(verified.error().error);
  if (ir::metadata_or(*model, ir::key::kCompiled) != ir::key::kCompiledVersion) return fail(Code::bad_version);
  Artifact artifact;
  artifact.bytes_.assign(bytes.begin(), bytes.end());
  const TypeTree tree = TypeTree::builtin();
  for (int i = 0; i < model->functions_size(); ++i) {
    const std::string& name = model->functions(i).name();
    const std::string* table = ir::find_metadata(*model, ir::concat(ir::key::kIoPrefix, name));
    const std::size_t hash = name.find('#');
    if (!table || hash == std::string::npos) continue;
    Target target{name.substr(0, hash), name, {}};
    const std::size_t half = table->find(';');
    const std::string_view text = *table;
    if (half == std::string::npos || !read_ports(text.substr(0, half), "in:", tree, target.ports.inputs) ||
        !read_ports(text.substr(half + 1), "out:", tree, target.ports.outputs)) {
      return fail(Code::bad_argument, static_cast<std::uint64_t>(i));
    }
    artifact.targets_.push_back(std::move(target));
  }
  return artifact;
}

std::vector<std::string> Artifact::targets() const {
  std::vector<std::string> names;
  names.reserve(targets_.size());
  for (const Target& target : targets_) names.push_back(target.base);
  return names;
}

const Artifact::Target* Artifact::find(std::string_view name) const {
  for (const Target& target : targets_)
    if (target.base == name || target.function == name) return &target;
  return nullptr;
}

std::string_view Artifact::function_of(std::string_view target) const {
  const Target* found = find(target);
  return found ? std::string_view(found->function) : std::string_view();
}

const PortTable* Artifact::ports(std::string_view target) const {
  const Target* found = find(target);
  return found ? &found->ports : nullptr;
}

}  // namespace bb
