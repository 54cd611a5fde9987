// The table of differences, and every trace against it.
#include "golden/trace_vectors.h"

#include <algorithm>

#include "ir/metadata.h"
#include "ir/model.h"

namespace bb::golden {
namespace {

constexpr std::string_view kFolder = "traces/";
constexpr std::string_view kDifferences = "traces/differences.json";
constexpr std::string_view kInstalls = "traces/install_errors.json";
constexpr std::size_t kTraces = 37;
constexpr std::uint64_t kTraceChecksMin = 4000;

Json parsed(Checker& check, std::span<const VectorFile> files, std::string_view name) {
  check.enter(std::string(name), "file");
  const VectorFile* file = find_file(files, name);
  if (!check.expect(file != nullptr, "is there")) return {};
  const std::string_view text = as_text(file->content);
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  check.expect(json.is_object(), "is a JSON object");
  return json;
}

// One side of a row: what both show, and what only that side does.
Lines side(const Lines& lines, char sign) {
  Lines out;
  for (const std::string& line : lines)
    if (!line.empty() && (line[0] == ' ' || line[0] == sign)) out.push_back(line.substr(1));
  return out;
}

struct LimitField {
  std::string_view name;
  std::uint32_t Limits::* field;
};
constexpr LimitField kLimitFields[] = {{"ops_per_poll", &Limits::ops_per_poll},
                                       {"peer_share_percent", &Limits::peer_share_percent}};

void play_trace(Checker& check, Differences& differences, const Registry& registry, std::string_view name, const Json& trace,
                std::span<const VectorFile> files) {
  Fields fields(check, trace);
  check.same_text("name", name, fields.text("name"));
  fields.skip("doc", "prose");
  fields.get("setup");
  const Json& script = fields.list("script");
  const std::string model_name = fields.text("model_file");
  const VectorFile* model = find_file(files, model_name);
  if (!check.expect(model != nullptr, "`" + model_name + "` is there")) return;

  const Differences::Adaptation adaptation = differences.adapt(check, name, model->content);
  TracePlayer player(check, trace,
                     {.registry = registry, .model = as_bytes(adaptation.model), .files = files, .limits = adaptation.limits});
  Lines reference, ours;
  const bool playable = player.install(reference, ours);
  differences.judge(check, name, -1, reference, ours);
  if (!playable) return;
  for (std::size_t at = 0; at < script.size(); ++at) {
    check.enter(std::string(kFolder) + std::string(name) + ".json", "script " + std::to_string(at));
    reference.clear();
    ours.clear();
    player.play(script[at], reference, ours);
    differences.judge(check, name, static_cast<int>(at), reference, ours);
  }
}

}  // namespace

Lines difference_of(const Lines& reference, const Lines& ours) {
  // The longest common subsequence, from the ends.
  const std::size_t rows = reference.size() + 1, columns = ours.size() + 1;
  std::vector<std::uint32_t> common(rows * columns);
  for (std::size_t r = reference.size(); r-- > 0;)
    for (std::size_t o = ours.size(); o-- > 0;)
      common[r * columns + o] = reference[r] == ours[o] ? common[(r + 1) * columns + o + 1] + 1
                                                        : std::max(common[(r + 1) * columns + o], common[r * columns + o + 1]);
  Lines out;
  std::size_t r = 0, o = 0;
  while (r < reference.size() || o < ours.size()) {
    if (r < reference.size() && o < ours.size() && reference[r] == ours[o]) {
      out.push_back(" " + reference[r]);
      ++r, ++o;
    } else if (o == ours.size() || (r < reference.size() && common[(r + 1) * columns + o] >= common[r * columns + o + 1])) {
      out.push_back("-" + reference[r++]);
    } else {
      out.push_back("+" + ours[o++]);
    }
  }
  return out;
}

Differences::Differences(Checker& check, const Json& file) {
  if (!file.is_object()) return;
  Fields fields(check, file);
  fields.skip("about", "prose");
  fields.skip("everywhere", "what the comparison itself leaves out, for readers");
  const Json& reasons = fields.get("reasons");
  if (check.expect(reasons.is_object(), "`reasons` is an object")) {
    for (const auto& [id, json] : reasons.items()) {
      Fields reason(check, json);
      for (const char* text : {"tag", "reference", "ours"}) check.expect(!reason.text(text).empty(), "a reason is given in full");
      reasons_[id] = false;
    }
  }
  for (const Json& json : fields.list("adapted")) {
    Fields once(check, json);
    adapted_.push_back({.trace = once.text("trace"), .why = once.text("why"), .with = once.get("with")});
    check.expect(!adapted_.back().why.empty(), "a reason is given");
  }
  for (const Json& json : fields.list("differences")) {
    Fields row(check, json);
    Row read{.trace = row.text("trace"), .at = static_cast<int>(row.signed_number("at")), .reasons = {}, .lines = {}};
    for (const Json& id : row.list("reasons"))
      if (check.expect(id.is_string() && reasons_.contains(id.get<std::string>()), "`" + id.dump() + "` is a reason of the table"))
        read.reasons.push_back(id.get<std::string>());
    check.expect(!read.reasons.empty(), "a row of `" + read.trace + "` names a reason");
    for (const Json& line : row.list("lines"))
      if (check.expect(line.is_string(), "a line is a text")) read.lines.push_back(line.get<std::string>());
    rows_.push_back(std::move(read));
  }
}

Differences::Adaptation Differences::adapt(Checker& check, std::string_view trace, Bytes model) {
  Adaptation adaptation{.limits = {}, .model = std::string(as_text(model))};
  for (Adapted& once : adapted_) {
    if (once.trace != trace) continue;
    once.used = true;
    Fields fields(check, once.with);
    for (const LimitField& field : kLimitFields)
      if (fields.has(field.name)) adaptation.limits.*field.field = static_cast<std::uint32_t>(fields.number(field.name));
    if (!fields.has("attributes")) continue;
    auto edited = ir::load_model(model);
    if (!check.expect(edited.has_value() && edited->functions_size() > 0, "the model can be read")) continue;
    for (const Json& json : fields.list("attributes")) {
      Fields attribute(check, json);
      const auto node = static_cast<int>(attribute.signed_number("node"));
      if (!check.expect(node >= 0 && node < edited->functions(0).node_size(), "there is such a node")) continue;
      onnx::NodeProto& target = *edited->mutable_functions(0)->mutable_node(node);
      if (attribute.has("text")) {
        ir::set_attribute(target, attribute.text("name"), attribute.text("text"));
      } else {
        ir::set_attribute(target, attribute.text("name"), attribute.signed_number("number"));
      }
    }
    adaptation.model = edited->SerializeAsString();
  }
  return adaptation;
}

void Differences::judge(Checker& check, std::string_view trace, int at, const Lines& reference, const Lines& ours) {
  const auto row = std::find_if(rows_.begin(), rows_.end(), [&](const Row& r) { return r.trace == trace && r.at == at; });
  if (row == rows_.end() && reference == ours) {
    check.expect(true, "shows the same");
    return;
  }
  if (row != rows_.end()) {
    row->used = true;
    for (const std::string& id : row->reasons) reasons_[id] = true;
    if (reference == ours) {
      check.expect(false, "the table says that ours differs, and it does not");
      return;
    }
    if (side(row->lines, '-') == reference && side(row->lines, '+') == ours) return check.note_excused();
  }
  const Json difference = {{"trace", trace}, {"at", at}, {"reasons", Json::array()}, {"lines", difference_of(reference, ours)}};
  check.expect(false, (row == rows_.end() ? "differs without a row: " : "differs from its row: ") + difference.dump());
}

void Differences::finish(Checker& check) const {
  check.enter(std::string(kDifferences), "rows");
  for (const Row& row : rows_)
    check.expect(row.used, "the row of `" + row.trace + "` at " + std::to_string(row.at) + " matches nothing");
  for (const Adapted& once : adapted_) check.expect(once.used, "there is no trace `" + once.trace + "`");
  for (const auto& [id, used] : reasons_) check.expect(used, "no row uses the reason `" + id + "`");
}

VectorReport run_traces(std::span<const VectorFile> files) {
  VectorReport report;
  Checker check(report);
  const Registry registry = trace_registry();
  Differences differences(check, parsed(check, files, kDifferences));
  std::size_t played = 0;
  for (const VectorFile& file : files) {
    if (!file.name.starts_with(kFolder) || !file.name.ends_with(".json") || file.name == kDifferences || file.name == kInstalls)
      continue;
    ++played;
    const Json trace = parsed(check, files, file.name);
    play_trace(check, differences, registry, file.name.substr(kFolder.size(), file.name.size() - kFolder.size() - 5), trace, files);
  }
  check.enter("traces", "folder");
  check.same("number of traces", kTraces, played);
  check_installs(check, differences, files, registry);
  differences.finish(check);
  check.enter("traces", "folder");
  check.expect(check.checks() >= kTraceChecksMin, "only " + std::to_string(check.checks()) + " comparisons, at least " +
                                                      std::to_string(kTraceChecksMin) + " expected");
  return report;
}

}  // namespace bb::golden
