// The methods of each role as recording calls; ports and types come from the op declarations.
#include "bb/module.h"
#include "ir/metadata.h"

namespace bb {
namespace {

Output at(const std::vector<Output>& outputs, std::size_t position) {
  return position < outputs.size() ? outputs[position] : Output();
}

Op role_op(const Slot& slot, std::string_view op_type, std::vector<Output> inputs) {
  Op op;
  op.domain = role_domain(slot.role());
  op.op_type = op_type;
  op.slot = slot.name();
  op.inputs = std::move(inputs);
  return op;
}

Output record_with(Graph& g, const Slot& slot, std::string_view op_type, std::vector<Output> inputs, std::string_view key,
                   std::string_view value, std::vector<std::pair<std::string, std::int64_t>> parameters = {}) {
  Op op = role_op(slot, op_type, std::move(inputs));
  op.parameters = std::move(parameters);
  op.metadata.emplace_back(key, value);
  return at(g.record(op), 0);
}

}  // namespace

std::vector<Output> Slot::record(Graph& g, std::string_view op_type, std::vector<Output> inputs,
                                 std::vector<std::pair<std::string, std::int64_t>> parameters,
                                 std::vector<std::pair<std::string, Attribute>> attributes) const {
  Op op = role_op(*this, op_type, std::move(inputs));
  op.parameters = std::move(parameters);
  op.attributes = std::move(attributes);
  return g.record(op);
}

Output ModelSlot::forward(Graph& g, Output input) const { return at(record(g, "Forward", {input}), 0); }
Output ModelSlot::backward(Graph& g, Output loss) const { return at(record(g, "Backward", {loss}), 0); }
Output ModelSlot::compute_loss(Graph& g, Output input, Output target) const {
  return at(record(g, "ComputeLoss", {input, target}), 0);
}
Output ModelSlot::apply_delta(Graph& g, Output delta) const { return at(record(g, "ApplyDelta", {delta}), 0); }
Output ModelSlot::load_parameters(Graph& g, Output params) const { return at(record(g, "LoadParameters", {params}), 0); }
Output ModelSlot::params(Graph& g) const { return at(record(g, "Params"), 0); }
Output ModelSlot::train(Graph& g, std::int64_t steps, Output trigger) const {
  return at(record(g, "Train", {trigger}, {{"steps", steps}}), 0);
}

Batch DataSourceSlot::next_batch(Graph& g) const {
  const auto outputs = record(g, "NextBatch");
  return {at(outputs, 0), at(outputs, 1)};
}
Output DataSourceSlot::reset(Graph& g, Output trigger) const { return at(record(g, "Reset", {trigger}), 0); }
Output DataSourceSlot::on_data_loaded(Graph& g) const { return at(record(g, "OnDataLoaded"), 0); }

Output AggregatorSlot::contribute(Graph& g, Output contribution, Output metadata, Output source) const {
  return at(record(g, "Contribute", {contribution, metadata, source}), 0);
}
Aggregate AggregatorSlot::aggregate(Graph& g, Output trigger) const {
  const auto outputs = record(g, "Aggregate", {trigger});
  return {at(outputs, 0), at(outputs, 1)};
}

Output PeerSelectorSlot::sample(Graph& g, std::int64_t n) const {
  return record_with(g, *this, "Sample", {}, ir::key::kPeerClass, peer_class_, {{"n", n}});
}
Output PeerSelectorSlot::current_view(Graph& g) const {
  return record_with(g, *this, "CurrentView", {}, ir::key::kPeerClass, peer_class_);
}
Output PeerSelectorSlot::select(Graph& g, std::int64_t mode, std::int64_t n, Output key) const {
  return record_with(g, *this, "Select", {key}, ir::key::kPeerClass, peer_class_, {{"mode", mode}, {"n", n}});
}

Output IndexSlot::add(Graph& g, Output vector) const { return at(record(g, "Add", {vector}), 0); }
Output IndexSlot::search(Graph& g, Output query, std::int64_t k) const { return at(record(g, "Search", {query}, {{"k", k}}), 0); }
Output IndexSlot::remove(Graph& g, Output id) const { return at(record(g, "Remove", {id}), 0); }
Output IndexSlot::train(Graph& g, Output samples) const {
  return record_with(g, *this, "Train", {samples}, ir::key::kIndexPort, "samples");
}

Output CodecSlot::train(Graph& g, Output samples) const {
  return record_with(g, *this, "Train", {samples}, ir::key::kCodecPort, "in");
}
Output CodecSlot::encode(Graph& g, Output value) const {
  return record_with(g, *this, "Encode", {value}, ir::key::kCodecPort, "out");
}
Output CodecSlot::decode(Graph& g, Output encoded) const {
  return record_with(g, *this, "Decode", {encoded}, ir::key::kCodecPort, "in");
}

Output BackendSlot::add(Graph& g, Output a, Output b) const { return at(record(g, "Add", {a, b}), 0); }
Output BackendSlot::sub(Graph& g, Output a, Output b) const { return at(record(g, "Sub", {a, b}), 0); }
Output BackendSlot::mul(Graph& g, Output a, Output b) const { return at(record(g, "Mul", {a, b}), 0); }
Output BackendSlot::matmul(Graph& g, Output a, Output b) const { return at(record(g, "MatMul", {a, b}), 0); }
Output BackendSlot::relu(Graph& g, Output x) const { return at(record(g, "Relu", {x}), 0); }
Output BackendSlot::constant(Graph& g, const TensorLiteral& value) const {
  return at(record(g, "Constant", {}, {}, {{"value", value}}), 0);
}

}  // namespace bb
