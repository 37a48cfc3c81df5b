// AArch64's NEON.
#define PELLUCID_ISA neon
#include "kernels.hpp"
#include "simd_neon.hpp"
#include "table.hpp"

namespace pellucid {
extern const InstructionSet instruction_set_neon{"neon", neon::make_table<float>(), neon::make_table<double>()};
}
