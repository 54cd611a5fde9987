// The list of framework ops: ports, readiness and where each runs.
#include "ops/syscalls/syscalls.h"

#include "ops/syscalls/flow.h"
#include "ops/syscalls/peers.h"

namespace bb::ops {

Status add_syscall_ops(Registry& registry) {
  const std::string syscall(domain::kSyscall);
  const std::string composite(domain::kComposite);
  const std::string address_book(domain::kAddressBook);
  const Port value{.name = "value"};
  const Port trigger{.name = "trigger", .type = "trigger"};

  BB_CHECK(registry.add({.domain = syscall,
                         .op_type = "PassThrough",
                         .inputs = {value},
                         .outputs = {value},
                         .same_type_as_input0 = true,
                         .run = pass_through}));
  BB_CHECK(
      registry.add({.domain = syscall, .op_type = "Constant", .outputs = {value}, .run = constant, .prepare = prepare_constant}));
  BB_CHECK(registry.add({.domain = syscall,
                         .op_type = "Gate",
                         .inputs = {value, {.name = "trigger"}},
                         .outputs = {value},
                         .same_type_as_input0 = true,
                         .run = pass_through}));
  BB_CHECK(registry.add({.domain = syscall,
                         .op_type = "GateDispatch",
                         .inputs = {{.name = "inputs", .variadic = true}},
                         .outputs = {{.name = "out", .type = "trigger"}},
                         .run = gate_dispatch}));
  BB_CHECK(registry.add({.domain = syscall,
                         .op_type = "Any",
                         .inputs = {{.name = "inputs", .variadic = true}},
                         .outputs = {value},
                         .readiness = Readiness::any,
                         .same_type_as_input0 = true,
                         .run = any}));
  BB_CHECK(registry.add({.domain = syscall,
                         .op_type = "Tee",
                         .inputs = {value},
                         .outputs = {value},
                         .variadic_outputs = true,
                         .same_type_as_input0 = true,
                         .run = tee}));
  BB_CHECK(registry.add({.domain = composite,
                         .op_type = "Bundle",
                         .inputs = {{.name = "parts", .variadic = true}},
                         .outputs = {{.name = "bundle", .type = "composite"}},
                         .run = bundle}));
  BB_CHECK(registry.add({.domain = composite,
                         .op_type = "Unbundle",
                         .inputs = {{.name = "bundle", .type = "composite"}},
                         .outputs = {{.name = "child"}},
                         .variadic_outputs = true,
                         .run = unbundle}));
  BB_CHECK(registry.add({.domain = address_book,
                         .op_type = "Insert",
                         .inputs = {{.name = "peer", .type = "peer_id"}, {.name = "addr", .type = "multiaddress"}},
                         .outputs = {{.name = "ack", .type = "trigger"}},
                         .run = address_book_insert}));
  BB_CHECK(registry.add({.domain = address_book,
                         .op_type = "InsertMany",
                         .inputs = {{.name = "peer", .type = "peer_id"}, {.name = "addresses", .type = "address_vec"}},
                         .outputs = {{.name = "ack", .type = "trigger"}},
                         .run = address_book_insert_many}));
  return registry.add({.domain = address_book,
                       .op_type = "Lookup",
                       .inputs = {{.name = "peer", .type = "peer_id"}},
                       .outputs = {{.name = "addresses", .type = "address_vec"}},
                       .run = address_book_lookup});
}

}  // namespace bb::ops
