// A model from bytes under caps small enough to be reached: what is loaded keeps them, is what protobuf reads, and loads again as
// it is; what follows loading (verification, hashes, the table of targets) takes whatever was loaded.
#include "bb/artifact.h"
#include "fuzz/support/fuzz_target.h"
#include "fuzz/support/vectors.h"
#include "ir/content_hash.h"
#include "ir/metadata.h"
#include "ir/model.h"

namespace bb::fuzz {
namespace {

constexpr ir::ModelLimits kSmall{.bytes_max = 1 << 16,
                                 .elements_max = 512,
                                 .functions_max = 4,
                                 .nodes_max = 64,
                                 .name_bytes_max = 64,
                                 .text_bytes_max = 256,
                                 .depth_max = 8};

void check_loaded(const onnx::ModelProto& model, Bytes bytes) {
  require(model.functions_size() <= static_cast<int>(kSmall.functions_max), "functions keep to their cap");
  int nodes = 0;
  for (const auto& function : model.functions()) {
    require(function.name().size() <= kSmall.name_bytes_max, "names keep to their cap");
    nodes += function.node_size();
  }
  require(nodes <= static_cast<int>(kSmall.nodes_max), "nodes keep to their cap");
  onnx::ModelProto whole;
  require(whole.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())), "protobuf reads what we load");
  std::string text;
  require(model.SerializeToString(&text), "a loaded model can be written");
  // Packed numbers may be written in more bytes than they were read from, never in more elements; only the size may go over.
  const auto again = ir::load_model(as_bytes(text), {.bytes_max = kSmall.bytes_max * 4,
                                                     .elements_max = kSmall.elements_max * 2,
                                                     .functions_max = kSmall.functions_max,
                                                     .nodes_max = kSmall.nodes_max,
                                                     .name_bytes_max = kSmall.name_bytes_max,
                                                     .text_bytes_max = kSmall.text_bytes_max,
                                                     .depth_max = kSmall.depth_max});
  require(again.has_value(), "a loaded model loads again");
  require(again->SerializeAsString() == text, "a loaded model stays what it is");
}

}  // namespace

std::vector<ByteBuffer> seeds() { return read_vectors("bench-models", ".onnx"); }

}  // namespace bb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bb;
  using namespace bb::fuzz;
  const Bytes bytes(data, size);
  std::optional<std::string> clean;
  const auto scanned = ir::scan_model(bytes, kSmall, &clean);
  const auto loaded = ir::load_model(bytes, kSmall);
  require(scanned.has_value() || !loaded.has_value(), "what does not scan does not load");
  if (!loaded) {
    require(loaded.error().error.code != Code::ok && loaded.error().error.at <= size, "a refusal says why and where");
  } else {
    check_loaded(*loaded, bytes);
    (void)ir::verify_model(*loaded);
    for (const auto& function : loaded->functions()) {
      require(ir::content_suffix(function).size() == 16, "a function has its hash");
      (void)ir::reference_node_hash(function);
      for (const auto& node : function.node()) (void)ir::peers_index(node);
    }
  }
  const auto artifact = Artifact::from(bytes);
  if (!artifact) return 0;
  for (const std::string& target : artifact->targets())
    require(artifact->ports(target) != nullptr && !artifact->function_of(target).empty(), "a target has its ports");
  return 0;
}
