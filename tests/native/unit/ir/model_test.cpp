// Models from outside: limits, text, nesting and unknown fields are settled before protobuf allocates.
#include "ir/model.h"

#include <catch2/catch_test_macros.hpp>

#include "ir/content_hash.h"
#include "ir/metadata.h"

using namespace bb;

namespace {

onnx::ModelProto small_model() {
  onnx::ModelProto model;
  model.set_ir_version(10);
  auto* function = model.add_functions();
  function->set_name("Round");
  function->add_input("x");
  function->add_output("y");
  auto* node = function->add_node();
  node->set_name("Round/PassThrough.0");
  node->set_domain("ai.bytesandbrains.syscall");
  node->set_op_type("PassThrough");
  node->add_input("x");
  node->add_output("y");
  ir::set_attribute(*node, "deadline_ns", std::int64_t{7});
  ir::stamp_metadata(*node, "key", "value");
  auto* tensor = node->add_attribute();
  tensor->set_name("value");
  tensor->mutable_t()->add_dims(2);
  tensor->mutable_t()->set_data_type(1);
  tensor->mutable_t()->add_float_data(0.5f);
  tensor->mutable_t()->add_float_data(-1.0f);
  auto* info = function->add_value_info();
  info->set_name("x");
  info->mutable_type()->mutable_tensor_type()->set_elem_type(1);
  info->mutable_type()->set_denotation("ai.bytesandbrains.tensor.f32");
  return model;
}

ir::ModelError refused(const std::string& bytes, const ir::ModelLimits& limits = {}) {
  const auto model = ir::load_model(as_bytes(bytes), limits);
  REQUIRE_FALSE(model);
  return model.error();
}

}  // namespace

TEST_CASE("a model comes back as it was written") {
  const onnx::ModelProto model = small_model();
  const std::string bytes = ir::deterministic_bytes(model);
  const auto loaded = ir::load_model(as_bytes(bytes));
  REQUIRE(loaded);
  CHECK(ir::deterministic_bytes(*loaded) == bytes);
  CHECK(ir::verify_model(*loaded));
}

TEST_CASE("unknown fields are dropped at every depth") {
  const std::string plain = ir::deterministic_bytes(small_model());
  // Fields 100 (bytes), 101 (varint), 102 and 103 (fixed), and field 1 of a ModelProto with the wrong wire type.
  const std::string unknown(
      "\xa2\x06\x03\x61\x62\x63\xa8\x06\x05\xb5\x06\x01\x02\x03\x04\xb9\x06\x01\x02\x03\x04\x05\x06\x07\x08\x0a\x01\x7a", 28);
  onnx::ModelProto model = small_model();
  std::string bytes = plain + unknown;
  // The same inside a function: appended to the serialized FunctionProto.
  std::string function = model.functions(0).SerializeAsString() + unknown.substr(0, 6);
  model.clear_functions();
  bytes = model.SerializeAsString() + "\xca\x01" + std::string(1, static_cast<char>((function.size() & 0x7f) | 0x80)) +
          std::string(1, static_cast<char>(function.size() >> 7)) + function + unknown;
  const auto loaded = ir::load_model(as_bytes(bytes));
  REQUIRE(loaded);
  CHECK(ir::deterministic_bytes(*loaded) == plain);
}

TEST_CASE("bad UTF-8 is reported with the offset of the first bad byte") {
  onnx::ModelProto model = small_model();
  model.mutable_functions(0)->mutable_node(0)->set_op_type("Pass\xc0Through");
  const std::string bytes = model.SerializeAsString();
  const auto error = refused(bytes);
  CHECK(error.error.code == Code::invalid_utf8);
  CHECK(error.error.at == bytes.find('\xc0'));
  CHECK(error.where == "NodeProto field 4");
  // Attribute bytes and tensor strings are data, not text.
  onnx::ModelProto data = small_model();
  ir::set_attribute(*data.mutable_functions(0)->mutable_node(0), "literal", std::string_view("\xff\xfe"));
  CHECK(ir::load_model(as_bytes(data.SerializeAsString())));
}

TEST_CASE("every limit refuses one more than it allows") {
  const std::string bytes = small_model().SerializeAsString();
  ir::ModelLimits limits;
  limits.bytes_max = bytes.size() - 1;
  CHECK(refused(bytes, limits).error.code == Code::over_cap);

  onnx::ModelProto two = small_model();
  *two.add_functions() = two.functions(0);
  limits = {};
  limits.functions_max = 1;
  CHECK(refused(two.SerializeAsString(), limits).where == "ModelProto field 25");
  CHECK(ir::load_model(as_bytes(bytes), limits));
  limits = {};
  limits.nodes_max = 1;
  CHECK(refused(two.SerializeAsString(), limits).where == "FunctionProto field 7");

  limits = {};
  limits.elements_max = 5;
  CHECK(refused(bytes, limits).error.code == Code::over_cap);
  limits = {};
  limits.name_bytes_max = 4;
  CHECK(refused(bytes, limits).error.code == Code::over_cap);
  limits = {};
  limits.text_bytes_max = 4;
  CHECK(refused(bytes, limits).error.code == Code::over_cap);
}

TEST_CASE("nesting is bounded before protobuf recurses") {
  onnx::ModelProto model = small_model();
  const auto field = [](char tag, const std::string& content) {
    std::string bytes(1, tag);
    for (std::size_t n = content.size();; n >>= 7) {
      bytes += static_cast<char>(n > 0x7f ? (n & 0x7f) | 0x80 : n);
      if (n <= 0x7f) return bytes + content;
    }
  };
  // Optional{elem_type = TypeProto{optional_type = ...}}, carried as bytes and scanned as messages.
  std::string nested;
  for (int i = 0; i < 2'500; ++i) nested = field('\x0a', field('\x4a', nested));
  model.mutable_functions(0)->mutable_value_info(0)->mutable_type()->set_optional_type(nested);
  const auto error = refused(model.SerializeAsString());
  CHECK(error.error.code == Code::too_deep);
}

TEST_CASE("empty sub-messages cannot multiply a small input") {
  std::string function;
  for (int i = 0; i < 100'000; ++i) function += std::string("\x3a\x00", 2);  // empty nodes
  std::string bytes = "\xca\x01";
  for (std::size_t n = function.size(); n > 0; n >>= 7) bytes += static_cast<char>(n > 0x7f ? (n & 0x7f) | 0x80 : n);
  CHECK(refused(bytes + function).error.code == Code::over_cap);
}

TEST_CASE("no prefix and no flipped byte of a model is more than a typed error") {
  const std::string bytes = small_model().SerializeAsString();
  std::uint32_t refused_prefixes = 0;
  for (std::size_t length = 0; length < bytes.size(); ++length)
    if (!ir::load_model(as_bytes(std::string_view(bytes).substr(0, length)))) ++refused_prefixes;
  CHECK(refused_prefixes > bytes.size() / 2);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      const auto loaded = ir::load_model(as_bytes(changed));
      if (loaded) CHECK(ir::load_model(as_bytes(ir::deterministic_bytes(*loaded))));
      if (!loaded) CHECK(loaded.error().error.at <= changed.size());
    }
  }
}

TEST_CASE("groups and field number zero are malformed") {
  CHECK(refused(std::string("\x0b", 1)).error.code == Code::malformed);
  CHECK(refused(std::string("\x0c", 1)).error.code == Code::malformed);
  CHECK(refused(std::string("\x00", 1)).error.code == Code::malformed);
  CHECK(refused(std::string("\xca\x01\x05", 3)).error.code == Code::truncated);
}

TEST_CASE("numbers come packed or one by one, and both are the same model") {
  auto model = small_model();
  auto& tensor = *model.mutable_functions(0)->mutable_node(0)->mutable_attribute(1)->mutable_t();
  tensor.add_double_data(0.25);
  model.mutable_functions(0)->mutable_node(0)->mutable_attribute(1)->set_f(2.0f);
  const std::string packed = ir::deterministic_bytes(model);
  const auto loaded = ir::load_model(as_bytes(packed));
  REQUIRE(loaded);
  CHECK(ir::deterministic_bytes(*loaded) == packed);
  // One double (field 10) and one float (field 4) of a tensor, each under a key of its own, and the float of an attribute.
  const std::string tensor_bytes("\x51\x00\x00\x00\x00\x00\x00\xd0\x3f\x25\x00\x00\x00\x3f", 14);
  const std::string attribute = std::string("\x15\x00\x00\x00\x40\x2a\x0e", 7) + tensor_bytes;
  const std::string node = std::string("\x2a\x15", 2) + attribute;
  const std::string function = std::string("\x3a\x17", 2) + node;
  const auto loose = ir::load_model(as_bytes(std::string("\xca\x01\x19", 3) + function));
  REQUIRE(loose);
  const auto& read = loose->functions(0).node(0).attribute(0);
  CHECK(read.f() == 2.0f);
  REQUIRE((read.t().double_data_size() == 1 && read.t().float_data_size() == 1));
  CHECK(read.t().double_data(0) == 0.25);
  CHECK(read.t().float_data(0) == 0.5f);
}

TEST_CASE("a scan alone takes unknown fields and gives no copy") {
  const std::string plain = ir::deterministic_bytes(small_model());
  CHECK(ir::scan_model(as_bytes(plain + std::string("\xa0\x06\x07", 3)), {}).has_value());
  std::optional<std::string> clean;
  CHECK(ir::scan_model(as_bytes(plain), {}, &clean).has_value());
  CHECK_FALSE(clean.has_value());
}

TEST_CASE("a function without a name is none") {
  auto model = small_model();
  model.mutable_functions(0)->clear_name();
  const auto verified = ir::verify_model(model);
  REQUIRE_FALSE(verified);
  CHECK(verified.error().error.code == Code::bad_argument);
  CHECK(verified.error().where == "function name");
}

TEST_CASE("keys and lengths take at most five bytes, in unknown fields too") {
  const std::string plain = ir::deterministic_bytes(small_model());
  // Field 100: a number and a text, its key or length in one byte more than protobuf's own parser takes.
  CHECK(refused(plain + std::string("\xa0\x86\x80\x80\x80\x00\x01", 7)).error ==
        Error{Code::malformed, static_cast<std::uint32_t>(plain.size())});
  CHECK(refused(plain + std::string("\xa2\x06\x81\x80\x80\x80\x80\x00z", 9)).error.code == Code::malformed);
  // A key of 64 bits whose lower half is field 1, a length whose lower half is 1.
  CHECK(refused(plain + std::string("\x88\x80\x80\x80\x80\x01\x01", 7)).error.code == Code::malformed);
  CHECK(refused(plain + std::string("\xa2\x06\x81\x80\x80\x80\x10z", 8)).error.code == Code::malformed);
  // Five bytes are fine.
  CHECK(ir::load_model(as_bytes(plain + std::string("\xa0\x86\x80\x80\x00\x01\xa2\x06\x81\x80\x80\x80\x00z", 14))).has_value());
}

TEST_CASE("verify_model names what the table lacks") {
  onnx::ModelProto model;
  CHECK(ir::verify_model(model).error().error.code == Code::empty_list);
  model = small_model();
  *model.add_functions() = model.functions(0);
  CHECK(ir::verify_model(model).error().error.code == Code::duplicate);
  model = small_model();
  model.mutable_functions(0)->add_node();
  const auto error = ir::verify_model(model).error();
  CHECK(error.error.code == Code::bad_argument);
  CHECK(error.error.at == 1);
  CHECK(error.where == "op_type in Round");
}

TEST_CASE("metadata: the first entry wins, stamping replaces, numbers are whole") {
  onnx::NodeProto node;
  for (const char* value : {"1", "2"}) {
    auto* entry = node.add_metadata_props();
    entry->set_key("k");
    entry->set_value(value);
  }
  CHECK(*ir::find_metadata(node, "k") == "1");
  ir::stamp_metadata(node, "k", "3");
  CHECK(*ir::find_metadata(node, "k") == "3");
  CHECK(node.metadata_props_size() == 2);
  ir::erase_metadata(node, "k");
  CHECK(node.metadata_props_size() == 0);
  for (const char* bad : {"", " 1", "1 ", "-1", "0x1", "99999999999999999999"}) CHECK_FALSE(ir::parse_number(bad));
  CHECK(ir::parse_number("18446744073709551615") == UINT64_MAX);
  CHECK(ir::split("a,b,,c", ',') == std::vector<std::string>{"a", "b", "", "c"});
  CHECK(ir::split("", ',').empty());
}
