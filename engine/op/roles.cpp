// From a method number to the virtual function of a role; numbers are the order of the role's ops in ops/roles.cpp.
#include "bb/roles.h"

namespace bb {

Outcome unsupported(OpContext& ctx, std::string_view method) {
  return ctx.fail(OpErrorKind::not_registered, "unsupported_method", "the component does not implement " + std::string(method));
}

namespace {

Outcome unknown_method(OpContext& ctx, std::string_view role, std::uint16_t method) {
  return ctx.fail(OpErrorKind::not_registered, "unsupported_method",
                  "the role " + std::string(role) + " has no method " + std::to_string(method));
}

}  // namespace

Outcome Model::dispatch(std::uint16_t method, OpContext& ctx) {
  switch (static_cast<ModelMethod>(method)) {
    case ModelMethod::forward: return forward(ctx);
    case ModelMethod::backward: return backward(ctx);
    case ModelMethod::compute_loss: return compute_loss(ctx);
    case ModelMethod::apply_delta: return apply_delta(ctx);
    case ModelMethod::load_parameters: return load_parameters(ctx);
    case ModelMethod::params: return params(ctx);
    case ModelMethod::train: return train(ctx);
  }
  return unknown_method(ctx, "Model", method);
}

Outcome DataSource::dispatch(std::uint16_t method, OpContext& ctx) {
  switch (static_cast<DataSourceMethod>(method)) {
    case DataSourceMethod::next_batch: return next_batch(ctx);
    case DataSourceMethod::reset: return reset(ctx);
    case DataSourceMethod::on_data_loaded: return on_data_loaded(ctx);
  }
  return unknown_method(ctx, "DataSource", method);
}

Outcome Aggregator::dispatch(std::uint16_t method, OpContext& ctx) {
  switch (static_cast<AggregatorMethod>(method)) {
    case AggregatorMethod::contribute: return contribute(ctx);
    case AggregatorMethod::aggregate: return aggregate(ctx);
  }
  return unknown_method(ctx, "Aggregator", method);
}

Outcome PeerSelector::dispatch(std::uint16_t method, OpContext& ctx) {
  switch (static_cast<PeerSelectorMethod>(method)) {
    case PeerSelectorMethod::sample: return sample(ctx);
    case PeerSelectorMethod::current_view: return current_view(ctx);
    case PeerSelectorMethod::select: return select(ctx);
  }
  return unknown_method(ctx, "PeerSelector", method);
}

Outcome Index::dispatch(std::uint16_t method, OpContext& ctx) {
  switch (static_cast<IndexMethod>(method)) {
    case IndexMethod::add: return add(ctx);
    case IndexMethod::search: return search(ctx);
    case IndexMethod::remove: return remove(ctx);
    case IndexMethod::train: return train(ctx);
  }
  return unknown_method(ctx, "Index", method);
}

Outcome Codec::dispatch(std::uint16_t method, OpContext& ctx) {
  switch (static_cast<CodecMethod>(method)) {
    case CodecMethod::train: return train(ctx);
    case CodecMethod::encode: return encode(ctx);
    case CodecMethod::decode: return decode(ctx);
  }
  return unknown_method(ctx, "Codec", method);
}

}  // namespace bb
