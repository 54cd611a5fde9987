// Final names: `<base>#<content hash>` for targets, `<base>__bootstrap` for their setup. What only the passes needed is dropped first.
#include "compiler/program.h"
#include "compiler/recorder.h"
#include "ir/content_hash.h"

namespace bb::compiler {

namespace key = ir::key;

PassResult name_targets(Program& program) {
  onnx::ModelProto entries;
  for (Partition& part : program.partitions) *entries.add_functions() = std::move(part.function);
  write_opset_imports(entries);
  for (int i = 0; i < entries.functions_size(); ++i) {
    Partition& part = program.partitions[static_cast<std::size_t>(i)];
    part.function = std::move(*entries.mutable_functions(i));
    for (auto& node : *part.function.mutable_node())
      if (!ir::is_recv(node)) ir::erase_metadata(node, key::kWirePorts);
    for (auto& node : *part.function.mutable_node()) ir::erase_metadata(node, key::kWireTo);
    // A Recv's port is still needed for the site table; it leaves the node when the model is put together.
    onnx::FunctionProto plain = part.function;
    for (auto& node : *plain.mutable_node()) ir::erase_metadata(node, key::kWirePorts);
    part.function.set_name(part.bootstrap ? part.base + "__bootstrap" : part.base + "#" + ir::content_suffix(plain));
  }
  write_opset_imports(program.model);
  return {};
}

}  // namespace bb::compiler
