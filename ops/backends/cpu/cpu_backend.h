// The backend that ships: f32 on the CPU.
#pragma once

#include "bb/registry.h"

namespace bb::ops {

/// `bytesandbrains::backends::cpu::CpuBackend`: Constant, Add, Sub, Mul (with broadcasting), MatMul, Relu. No config.
ComponentClass cpu_backend_class();

}  // namespace bb::ops
