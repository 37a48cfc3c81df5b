// The random numbers of randomness.py: numbered draws of SplitMix64, the same in any order and on any thread.
// Steele, Lea, Flood, Fast splittable pseudorandom number generators, 2014.
#pragma once

#include <cstdint>

namespace pellucid {

constexpr std::uint64_t golden = 0x9E3779B97F4A7C15u;

inline std::uint64_t mix(std::uint64_t x) {
    x ^= x >> 30;
    x *= 0xBF58476D1CE4E5B9u;
    x ^= x >> 27;
    x *= 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

// key(words…, word) from key(words…).
inline std::uint64_t extend_key(std::uint64_t key, std::uint64_t word) { return mix(key + word + golden); }

inline std::uint64_t bits64(std::uint64_t key, std::uint64_t number) { return mix(key + (number + 1) * golden); }

inline std::uint32_t bits32(std::uint64_t key, std::uint64_t number) {
    return static_cast<std::uint32_t>(bits64(key, number >> 1) >> (number & 1 ? 32 : 0));
}

}  // namespace pellucid
