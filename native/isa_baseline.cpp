// x86-64 as it began: SSE2.
#define PELLUCID_ISA baseline
#include "kernels.hpp"
#include "simd_baseline.hpp"
#include "table.hpp"

namespace pellucid {
extern const InstructionSet instruction_set_baseline{"baseline", baseline::make_table<float>(), baseline::make_table<double>()};
}
