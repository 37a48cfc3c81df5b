// Which instruction sets there are, and their tables.
#pragma once

#include <string>
#include <vector>

#include "kernels.hpp"

namespace pellucid {

// Names of those that this machine runs, from the least to the best.
std::vector<std::string> supported_names();

// The table of one of them; std::invalid_argument for any other name.
const InstructionSet& instruction_set(const std::string& name);

template <class T>
const Kernels<T>& kernels_of(const std::string& name);

}  // namespace pellucid
