// The order of an epoch: that of n random numbers, as randomness.py has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "randomness.hpp"

namespace pellucid {

class Permutation {
  public:
    // The numbers are spread evenly, so one pass over their leading bits leaves about one in each drawer, and few have
    // to be compared within it. Equal numbers stay in their order. Drawing a number again is cheaper than keeping it.
    void draw(std::uint64_t key, std::vector<std::int64_t>& order) {
        const std::size_t n = order.size();
        int bits = 1;
        while ((std::size_t{1} << bits) < n) ++bits;
        const int shift = 64 - bits;
        ends_.assign((std::size_t{1} << bits) + 1, 0);
        for (std::size_t i = 0; i < n; ++i) ++ends_[(bits64(key, i) >> shift) + 1];
        std::partial_sum(ends_.begin(), ends_.end(), ends_.begin());
        for (std::size_t i = 0; i < n; ++i) order[ends_[bits64(key, i) >> shift]++] = static_cast<std::int64_t>(i);
        std::size_t from = 0;
        for (std::size_t drawer = 0; from < n; ++drawer) {
            for (std::size_t i = from + 1; i < ends_[drawer]; ++i)
                for (std::size_t q = i; q > from && draw(key, order[q]) < draw(key, order[q - 1]); --q)
                    std::swap(order[q], order[q - 1]);
            from = ends_[drawer];
        }
    }

  private:
    static std::uint64_t draw(std::uint64_t key, std::int64_t index) { return bits64(key, static_cast<std::uint64_t>(index)); }

    std::vector<std::uint32_t> ends_;
};

}  // namespace pellucid
