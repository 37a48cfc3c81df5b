#include "dispatch.hpp"

#include <stdexcept>

#if defined(_MSC_VER)
#include <intrin.h>
#endif

namespace pellucid {

#if defined(__aarch64__) || defined(_M_ARM64)
extern const InstructionSet instruction_set_neon;
#else
extern const InstructionSet instruction_set_baseline, instruction_set_avx2, instruction_set_avx512;
#endif

namespace {

#if defined(_MSC_VER) && !defined(__clang__)
// A set counts if the processor has it and the system saves its registers.
bool has(int leaf, int index, int bit) {
    int registers[4];
    __cpuidex(registers, leaf, 0);
    return registers[index] >> bit & 1;
}
bool saves(unsigned long long mask) { return has(1, 2, 27) && (_xgetbv(0) & mask) == mask; }
bool has_avx2() { return saves(0x6) && has(1, 2, 12) && has(7, 1, 5); }
bool has_avx512() { return saves(0xE6) && has(7, 1, 16) && has(7, 1, 17) && has(7, 1, 30) && has(7, 1, 31); }
#elif defined(__x86_64__)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif

std::vector<const InstructionSet*> supported() {
#if defined(__aarch64__) || defined(_M_ARM64)
    return {&instruction_set_neon};
#else
    std::vector<const InstructionSet*> found{&instruction_set_baseline};
    if (has_avx2()) found.push_back(&instruction_set_avx2);
    if (has_avx2() && has_avx512()) found.push_back(&instruction_set_avx512);
    return found;
#endif
}

}  // namespace

std::vector<std::string> supported_names() {
    std::vector<std::string> names;
    for (const InstructionSet* set : supported()) names.emplace_back(set->name);
    return names;
}

const InstructionSet& instruction_set(const std::string& name) {
    for (const InstructionSet* set : supported())
        if (name == set->name) return *set;
    throw std::invalid_argument("this machine has no instruction set " + name);
}

template <>
const Kernels<float>& kernels_of<float>(const std::string& name) {
    return instruction_set(name).single_precision;
}

template <>
const Kernels<double>& kernels_of<double>(const std::string& name) {
    return instruction_set(name).double_precision;
}

}  // namespace pellucid
