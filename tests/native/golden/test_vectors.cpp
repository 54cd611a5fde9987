// The vector runner under Catch2: reads the directory that BB_VECTORS names, or the repository's tests/vectors.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "golden/vector_directory.h"

namespace {

using bb::golden::FileMap;
using bb::golden::VectorReport;

VectorReport run(const FileMap& files) { return bb::golden::run_vectors(files); }

const FileMap& vectors() {
  static const FileMap files = [] {
    const char* given = std::getenv("BB_VECTORS");
    return bb::golden::read_vector_directory(given && *given ? given : BB_TEST_VECTORS);
  }();
  return files;
}

FileMap edited(FileMap files, std::string_view file, std::string_view from, std::string_view to) {
  auto& content = files.at(std::string(file));
  const auto at = std::search(content.begin(), content.end(), from.begin(), from.end());
  REQUIRE(at != content.end());
  REQUIRE(from.size() == to.size());
  std::copy(to.begin(), to.end(), at);
  return files;
}
FileMap edited(std::string_view file, std::string_view from, std::string_view to) { return edited(vectors(), file, from, to); }

}  // namespace

TEST_CASE("the engine agrees with every vector of the reference", "[vectors]") {
  const VectorReport report = run(vectors());
  const std::string text = bb::golden::report_text(report);
  std::cout << text.substr(0, text.find('\n') + 1);
  INFO(text);
  CHECK(report.failed == 0);
  CHECK(report.checks > 2000);
}

TEST_CASE("every known difference says why", "[vectors]") {
  for (const auto& row : bb::golden::known_differences()) {
    CHECK_FALSE(row.reason.empty());
    CHECK(vectors().contains(std::string(row.file)));
  }
}

TEST_CASE("no vectors, or vectors without cases, are failures", "[vectors]") {
  CHECK(run({}).failed == 3);
  FileMap files = vectors();
  const std::string_view empty = R"({"peer_ids":[],"peer_id_from_bytes":[],"addresses":[],"parse_str":[],"from_bytes_errors":[]})";
  files["addresses.json"] = bb::ByteBuffer(empty.begin(), empty.end());
  const VectorReport report = run(files);
  REQUIRE(report.failed >= 1);
  CHECK(bb::golden::report_text(report).find("addresses.json: file: only ") != std::string::npos);
}

TEST_CASE("a changed vector is noticed", "[vectors]") {
  // One digit of a peer's bytes, of a payload, of an envelope's field, of an error's number, and the name of a field.
  CHECK(run(edited("addresses.json", "0008000000000000ffff", "0008000000000000fffe")).failed > 0);
  CHECK(run(edited("values.json", "050000000000000068656c6c6f", "060000000000000068656c6c6f")).failed > 0);
  CHECK(run(edited("values.json", "\"wire_hash\": \"771\"", "\"wire_hash\": \"772\"")).failed > 0);
  CHECK(run(edited("envelopes/envelopes.json", "\"hop_index\": 1", "\"hop_index\": 2")).failed > 0);
  CHECK(run(edited("envelopes/envelopes.json", "\"got_bytes\": 4097", "\"got_bytes\": 4098")).failed > 0);
  CHECK(run(edited("envelopes/envelopes.json", "schema_version\": 1", "schema_versiom\": 1")).failed > 0);
  FileMap files = vectors();
  files.at("envelopes/tensor_fill.bin").back() ^= 1;
  CHECK(run(files).failed > 0);
  files.erase("envelopes/tensor_fill.bin");
  CHECK(run(files).failed > 0);
}

TEST_CASE("files that are no vectors are reported, not fatal", "[vectors]") {
  for (const std::string_view text : {"", "[]", "{", "null", R"({"peer_ids":3,"types":{},"valid":"x"})",
                                      R"({"peer_ids":[3,null,{"peer":7}],"types":[1],"valid":[[]],"decode_cases":[{}]})"}) {
    FileMap files;
    for (const char* name : {"addresses.json", "values.json", "envelopes/envelopes.json"})
      files[name] = bb::ByteBuffer(text.begin(), text.end());
    CHECK(run(files).failed > 2);
  }
}

namespace {

const FileMap& trace_files() {
  static const FileMap files = [] {
    const char* given = std::getenv("BB_VECTORS");
    return bb::golden::read_trace_files(BB_TEST_VECTORS, given && *given ? given : BB_TEST_VECTORS);
  }();
  return files;
}

}  // namespace

TEST_CASE("every scripted run of the reference goes as it does there, but for the table of differences", "[traces]") {
  const VectorReport report = bb::golden::run_traces(trace_files());
  const std::string text = bb::golden::report_text(report, "traces");
  std::cout << text;  // unwrapped: a difference is printed as the row that the table would need
  CHECK(report.failed == 0);
}

TEST_CASE("a changed trace, and a table that does not say what is so, are noticed", "[traces]") {
  const auto failed = [](const FileMap& files) { return bb::golden::run_traces(files).failed; };
  const auto changed = [&](std::string_view file, std::string_view from, std::string_view to) {
    return failed(edited(trace_files(), std::string("traces/").append(file), from, to));
  };
  // A step's number, an output's value, a result, a count of what is queued, and the name of a field.
  CHECK(changed("chain.json", R"("op": "0:3")", R"("op": "0:4")") > 0);
  CHECK(changed("chain.json", "68656c6c6f", "68656c6c70") > 0);
  CHECK(changed("chain.json", R"("exec_id": "3")", R"("exec_id": "4")") > 0);
  CHECK(changed("chain.json", R"("frontier": 0)", R"("frontier": 1)") > 0);
  CHECK(changed("chain.json", R"("outbound")", R"("outboumd")") > 0);
  CHECK(changed("send_one_both.json", "e2010000000000000006", "e2010000000000000007") > 0);
  CHECK(changed("install_errors.json", "NotCompiled", "NotCompilee") > 0);
  // A line of a row, the place of a row, a reason, and a trace that is not there.
  CHECK(changed("differences.json", "+result UnknownInput Chain nope", "+result UnknownInput Chain mope") > 0);
  CHECK(changed("differences.json", R"("trace": "chain", "at": 5)", R"("trace": "chain", "at": 6)") > 0);
  CHECK(changed("differences.json", R"("reasons": ["hints"])", R"("reasons": ["hinds"])") > 0);
  CHECK(changed("differences.json", R"({"trace": "cycle_budget")", R"({"trace": "cycle_budgeg")") > 0);
  FileMap files = trace_files();
  files.erase("traces/diamond.json");
  CHECK(failed(files) > 0);
  files = trace_files();
  files.erase("models/diamond.compiled.onnx");
  CHECK(failed(files) > 0);
  files = trace_files();
  files.erase("traces/differences.json");
  CHECK(failed(files) > 50);
}

TEST_CASE("files that are no traces are reported, not fatal", "[traces]") {
  for (const std::string_view text :
       {"", "[]", "null", R"({"setup":3,"script":{}})", R"({"setup":{"graphs":[3],"targets":[1]},"script":[[]]})",
        R"({"setup":{"addresses":["zz"],"targets":7},"model_file":"models/chain.compiled.onnx"})"}) {
    for (const char* name :
         {"traces/chain.json", "traces/differences.json", "traces/install_errors.json", "models/chain.compiled.onnx"}) {
      FileMap files = trace_files();
      files[name] = bb::ByteBuffer(text.begin(), text.end());
      CHECK(bb::golden::run_traces(files).failed > 0);
    }
  }
}

TEST_CASE("the page of differences has every reason of the table", "[traces]") {
  std::ifstream stream(std::string(BB_TEST_VECTORS) + "/../../docs/reference-differences.md");
  const std::string page((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  const bb::ByteBuffer& table = trace_files().at("traces/differences.json");
  const auto json = nlohmann::json::parse(table.begin(), table.end());
  CHECK(json["reasons"].size() > 20);
  for (const auto& [id, reason] : json["reasons"].items()) {
    INFO(id);
    CHECK(page.find("| `" + id + "` | " + reason["tag"].get<std::string>() + " |") != std::string::npos);
  }
}
