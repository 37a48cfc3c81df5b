// AVX2 and FMA.
#define PELLUCID_ISA avx2
#include "kernels.hpp"
#include "simd_avx2.hpp"
#include "table.hpp"

namespace pellucid {
extern const InstructionSet instruction_set_avx2{"avx2", avx2::make_table<float>(), avx2::make_table<double>()};
}
