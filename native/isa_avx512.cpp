// AVX-512 F, DQ, BW and VL.
#define PELLUCID_ISA avx512
#include "kernels.hpp"
#include "simd_avx512.hpp"
#include "table.hpp"

namespace pellucid {
extern const InstructionSet instruction_set_avx512{"avx512", avx512::make_table<float>(), avx512::make_table<double>()};
}
